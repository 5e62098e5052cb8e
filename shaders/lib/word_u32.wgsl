// Words that are integers.
alias Word = u32;
