"""Who may see and act, by browser: for now the page behind a mail's link, where a person acknowledges and answers."""
