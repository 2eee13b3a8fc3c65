//! A small scanner of Rust text: enough to see code without comments and texts, test spans, functions and names.

use std::ops::RangeInclusive;

/// What is known of one file.
pub(crate) struct Scanned {
    /// The text with comments and the insides of texts blanked; lines stay where they are.
    pub(crate) code: String,
    /// Spans under `#[cfg(test)]`.
    pub(crate) test_lines: Vec<RangeInclusive<usize>>,
    /// Names of modules declared as `#[cfg(test)] mod name;`.
    pub(crate) test_modules: Vec<String>,
}

/// A function.
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Line of `fn`.
    pub(crate) line: usize,
    /// Lines from `fn` to the closing brace; 0 without a body.
    pub(crate) lines: usize,
    /// Parameters besides `self`.
    pub(crate) parameters: Vec<String>,
}

impl Scanned {
    pub(crate) fn new(text: &str) -> Self {
        let code = blank(text);
        let (mut test_lines, mut test_modules) = (Vec::new(), Vec::new());
        for (at, _) in code.match_indices("#[cfg(test)]").chain(code.match_indices("#[cfg(all(test")) {
            let end = end_of_item(&code, at);
            test_lines.push(line_of(&code, at)..=line_of(&code, end));
            let names: Vec<&str> =
                code[at..end].split(|c: char| !is_word(c)).filter(|w| !w.is_empty()).collect();
            let is_file = code[end..].starts_with(';');
            if let (true, ["mod", name]) = (is_file, &names[names.len().saturating_sub(2)..]) {
                test_modules.push((*name).to_owned());
            }
        }
        Self { code, test_lines, test_modules }
    }

    /// Every function with a name, nested ones too.
    pub(crate) fn functions(&self) -> Vec<Function> {
        words(&self.code)
            .filter(|(_, word)| *word == "fn")
            .filter_map(|(at, _)| function(&self.code, at))
            .collect()
    }
}

/// The words of a text with their places.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = code.char_indices().scan(false, |inside, (at, c)| {
        let begins = is_word(c) && !*inside;
        *inside = is_word(c);
        Some((at, begins))
    });
    starts.filter(|(_, begins)| *begins).map(|(at, _)| (at, word_at(code, at)))
}

/// The word that starts here.
pub(crate) fn word_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())]
}

/// The number of the line a place lies in.
pub(crate) fn line_of(code: &str, at: usize) -> usize {
    code.as_bytes()[..at.min(code.len())].iter().filter(|b| **b == b'\n').count() + 1
}

/// The place of the bracket that closes the one at `open`, arrows not counted as brackets.
pub(crate) fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = b' ';
    let angles = code.as_bytes()[open] == b'<';
    for (at, byte) in code.bytes().enumerate().skip(open) {
        let is_arrow = byte == b'>' && matches!(before, b'-' | b'=');
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b'<' if angles => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'>' if angles && !is_arrow => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        before = byte;
    }
    None
}

/// Splits at commas that no bracket encloses.
pub(crate) fn split_list(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start, mut before) = (Vec::new(), 0_i32, 0, ' ');
    for (at, c) in list.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if before == '-' || before == '=' => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    parts.push(list[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn function(code: &str, at: usize) -> Option<Function> {
    let name_at = at + 2 + code[at + 2..].find(|c: char| !c.is_whitespace())?;
    let name = word_at(code, name_at).to_owned();
    let mut next = name_at + name.len();
    if name.is_empty() {
        return None;
    }
    if code[next..].starts_with('<') {
        next = closing(code, next)? + 1;
    }
    let close = closing(code, next).filter(|_| code[next..].starts_with('('))?;
    let is_self = |p: &str| words(p.split(':').next().unwrap_or(p)).any(|(_, w)| w == "self");
    let list = split_list(&code[next + 1..close]);
    let parameters = list.into_iter().filter(|p| !is_self(p)).map(str::to_owned).collect();
    let line = line_of(code, at);
    let end = end_of_item(code, close);
    let lines = if code[end..].starts_with('}') { line_of(code, end) - line + 1 } else { 0 };
    Some(Function { name, line, lines, parameters })
}

/// The place of the `}` or `;` that ends the item around or after `at`.
fn end_of_item(code: &str, at: usize) -> usize {
    let mut next = at;
    while let Some(found) = code[next..].find(['{', ';', '[', '(']).map(|found| next + found) {
        let close = || closing(code, found).unwrap_or(code.len() - 1);
        match code.as_bytes()[found] {
            b'{' => return close(),
            b';' => return found,
            _ => next = close() + 1,
        }
    }
    code.len().saturating_sub(1)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Blanks comments and the insides of texts and characters; every line keeps its length in bytes.
fn blank(text: &str) -> String {
    let mut code = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        let (from, until) = hidden(text, at);
        for byte in code.get_mut(from..until).unwrap_or_default().iter_mut().filter(|b| **b != b'\n') {
            *byte = b' ';
        }
        at = until.max(at + 1);
    }
    String::from_utf8(code).expect("whole texts were blanked")
}

/// What to blank of the token that starts at `at`, and so where to go on.
fn hidden(text: &str, at: usize) -> (usize, usize) {
    let rest = &text.as_bytes()[at..];
    let follows_word =
        at > 0 && (text.as_bytes()[at - 1].is_ascii_alphanumeric() || text.as_bytes()[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => (at, at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => (at, at + end_of_comment(rest)),
        [b'r', b'"' | b'#', ..] if !follows_word => raw_text(text, at, 1),
        [b'b', b'r', b'"' | b'#', ..] if !follows_word => raw_text(text, at, 2),
        [b'"', ..] => (at + 1, at + end_of_text(rest)),
        [b'\'', b'\\', ..] => (at + 1, at + 4 + rest[3..].iter().position(|b| *b == b'\'').unwrap_or(0)),
        [b'\'', ..] => {
            let mut chars = text[at + 1..].char_indices();
            match (chars.next(), chars.next()) {
                (Some(_), Some((close, '\''))) => (at + 1, at + 2 + close),
                _ => (at, at),
            }
        }
        [b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9', ..] => (at + 1, at + 1),
        _ => (at, at),
    }
}

fn end_of_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Just past the quote that closes the text that starts here. The quote itself is blanked with the inside.
fn end_of_text(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// `r#name` is no text: then nothing is hidden.
fn raw_text(text: &str, at: usize, prefix: usize) -> (usize, usize) {
    let hashes = text[at + prefix..].bytes().take_while(|b| *b == b'#').count();
    let inside = at + prefix + hashes;
    if !text[inside..].starts_with('"') {
        return (inside, inside);
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = text[inside + 1..].find(&close).map_or(text.len(), |found| inside + 1 + found + close.len());
    (inside, end)
}

#[test]
fn texts_and_comments_hide_what_is_in_them_and_code_stays() {
    let code = blank(
        "let a = \"fn x() {\"; // fn\nlet b = r#\"{\"#; /* { /* { */ */ let c = '{'; let d: &'a str = b'\\'';",
    );
    assert!(!code.contains('{') && !code.contains("fn"), "{code}");
    assert!(code.contains("let b") && code.contains("let c") && code.contains("&'a str"), "{code}");
    assert_eq!(code.lines().count(), 2);
}

#[test]
fn functions_are_found_with_their_length_and_parameters() {
    let text = "fn a<F: Fn(u8) -> [u8; 2]>(&mut self, f: F, (x, y): (u8, Map<u8, u8>)) -> [u8; 2]\nwhere F: Copy {\n}\n\
                type P = fn(u8);\ntrait T { fn b(self: Box<Self>, c: u8); }";
    let found = Scanned::new(text).functions();
    let seen: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines, f.parameters.len())).collect();
    assert_eq!(seen, [("a", 1, 3, 2), ("b", 5, 0, 1)]);
}

#[test]
fn test_modules_are_not_shipped() {
    let scanned =
        Scanned::new("fn a() {}\n#[cfg(test)]\n#[path = \"x\"]\nmod b;\n#[cfg(test)]\nmod c {\n}\nfn d() {}");
    assert_eq!(scanned.test_lines, [2..=4, 5..=7]);
    assert_eq!(scanned.test_modules, ["b"]);
}
