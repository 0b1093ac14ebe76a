"""`koi templates`: the texts of messages, before anybody reads them."""
