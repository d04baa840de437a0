//! A factor as a linear combination of instruments: `MTUM - SPX`, `0.5*A + 0.5*'BRK-B'`.

use std::fmt;
use std::iter::Peekable;
use std::str::{CharIndices, FromStr};

use serde::Serialize;

/// Terms in the order in which they were written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expression {
    terms: Vec<(f64, String)>,
}

impl Expression {
    /// Coefficient and symbol of each term.
    #[must_use]
    pub fn terms(&self) -> &[(f64, String)] {
        &self.terms
    }

    /// Renames the instruments of the expression.
    #[must_use]
    pub fn renamed(mut self, name: impl Fn(&str) -> String) -> Self {
        self.terms.iter_mut().for_each(|(_, symbol)| *symbol = name(symbol));
        self
    }
}

/// Error of an expression that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// The expression as written.
    pub expression: String,
    /// Position of the error: a character of the expression, counted from 1.
    pub position: usize,
    /// Text found there.
    pub found: String,
    /// Text expected there.
    pub expected: &'static str,
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in `{}` at character {}: found {}, expected {}",
            self.expression, self.position, self.found, self.expected
        )
    }
}

impl std::error::Error for ExpressionError {}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let tokens = tokens(text)?;
        let mut parser = Parser { text, tokens: &tokens };
        let mut terms = Vec::new();
        loop {
            let sign = match parser.peek() {
                Token::Plus => parser.skip(1.0),
                Token::Minus => parser.skip(-1.0),
                Token::End if !terms.is_empty() => return Ok(Self { terms }),
                _ if terms.is_empty() => 1.0,
                _ => return Err(parser.error("`+`, `-` or the end")),
            };
            let (coefficient, symbol) = parser.term()?;
            terms.push((sign * coefficient, symbol));
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Plus,
    Minus,
    Times,
    Number(f64),
    Symbol(String),
    End,
}

/// Returns the tokens of `text`, each with the byte at which it starts; the last one is `Token::End`.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some(&(at, c)) = chars.peek() {
        let token = match c {
            ' ' | '\t' => {
                chars.next();
                continue;
            }
            '+' => single(&mut chars, Token::Plus),
            '-' => single(&mut chars, Token::Minus),
            '*' => single(&mut chars, Token::Times),
            '"' | '\'' => quoted(text, &mut chars, at, c)?,
            c if is_bare(c) => bare(text, &mut chars, at),
            c => {
                let expected = "a symbol, `+`, `-` or `*`; put symbols with other characters in quotes";
                return Err(error(text, at, format!("`{c}`"), expected));
            }
        };
        tokens.push((at, token));
    }
    tokens.push((text.len(), Token::End));
    Ok(tokens)
}

fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

fn single(chars: &mut Peekable<CharIndices<'_>>, token: Token) -> Token {
    chars.next();
    token
}

fn bare(text: &str, chars: &mut Peekable<CharIndices<'_>>, start: usize) -> Token {
    let mut end = start;
    while let Some((at, c)) = chars.next_if(|&(_, c)| is_bare(c)) {
        end = at + c.len_utf8();
    }
    let word = &text[start..end];
    let numeric = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match word.parse::<f64>() {
        Ok(number) if numeric => Token::Number(number),
        _ => Token::Symbol(word.to_owned()),
    }
}

fn quoted(
    text: &str,
    chars: &mut Peekable<CharIndices<'_>>,
    start: usize,
    quote: char,
) -> Result<Token, ExpressionError> {
    chars.next();
    let inside = start + 1;
    for (at, c) in chars.by_ref() {
        if c == quote && at == inside {
            return Err(error(text, at, "an empty name".to_owned(), "a symbol between the quotes"));
        }
        if c == quote {
            return Ok(Token::Symbol(text[inside..at].to_owned()));
        }
    }
    Err(error(text, text.len(), "the end".to_owned(), "a closing quote"))
}

fn error(text: &str, byte: usize, found: String, expected: &'static str) -> ExpressionError {
    let position = text[..byte].chars().count() + 1;
    ExpressionError { expression: text.to_owned(), position, found, expected }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [(usize, Token)],
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.tokens.first().map_or(&Token::End, |(_, token)| token)
    }

    fn advance(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    fn skip(&mut self, sign: f64) -> f64 {
        self.advance();
        sign
    }

    fn error(&self, expected: &'static str) -> ExpressionError {
        let at = self.tokens.first().map_or(self.text.len(), |(at, _)| *at);
        let found = match self.peek() {
            Token::Plus => "`+`".to_owned(),
            Token::Minus => "`-`".to_owned(),
            Token::Times => "`*`".to_owned(),
            Token::Number(number) => format!("the number {number}"),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::End => "the end".to_owned(),
        };
        error(self.text, at, found, expected)
    }

    /// `SYMBOL`, `2*SYMBOL` or `SYMBOL*2`.
    fn term(&mut self) -> Result<(f64, String), ExpressionError> {
        match self.peek().clone() {
            Token::Number(coefficient) => {
                self.advance();
                self.times()?;
                Ok((coefficient, self.symbol()?))
            }
            Token::Symbol(symbol) => {
                self.advance();
                if *self.peek() != Token::Times {
                    return Ok((1.0, symbol));
                }
                self.advance();
                let Token::Number(coefficient) = *self.peek() else {
                    return Err(self.error("a number: factors are linear in the instruments"));
                };
                self.advance();
                Ok((coefficient, symbol))
            }
            _ => Err(self.error("a symbol, or a number and `*`")),
        }
    }

    fn times(&mut self) -> Result<(), ExpressionError> {
        if *self.peek() != Token::Times {
            return Err(self.error("`*` after a number; put a symbol that looks like a number in quotes"));
        }
        self.advance();
        Ok(())
    }

    fn symbol(&mut self) -> Result<String, ExpressionError> {
        let Token::Symbol(symbol) = self.peek().clone() else {
            return Err(self.error("a symbol; put a symbol that looks like a number in quotes"));
        };
        self.advance();
        Ok(symbol)
    }
}
