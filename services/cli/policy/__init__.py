"""`koi policy`: what people ask of their policy and their staff directory before they are used."""
