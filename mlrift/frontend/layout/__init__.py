"""Layout of source text for `mlrc fmt`: the tokens and comments stay, the blanks are chosen."""
