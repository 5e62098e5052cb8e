// Words that are numbers.
alias Word = f32;
