//! Documents: links lead somewhere, decisions are complete, the two READMEs run the same commands, laws have tests.

use std::collections::BTreeSet;

use crate::scan::Scanned;
use crate::tree::{Finding, files, judge, read, root, sources};

/// Blocks in these languages carry words for people and are translated; all others must be the same in both languages.
const TRANSLATED: [&str; 3] = ["", "text", "mermaid"];

const LAWS: usize = 12;

#[test]
fn every_relative_link_leads_to_something_that_exists() {
    let mut found = Vec::new();
    for path in documents() {
        let text = read(&path);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in links(&text) {
            if !root().join(folder).join(&target).exists() {
                found.push(Finding::new(&path, line, target));
            }
        }
    }
    judge("links lead to something that exists", found, &[]);
}

#[test]
fn decisions_are_numbered_without_gaps_and_listed() {
    let names = decisions();
    let numbers: Vec<usize> = names.iter().map(|name| name[..4].parse().expect("four digits")).collect();
    assert_eq!(numbers, (1..=names.len()).collect::<Vec<_>>(), "{names:?}");
    let listed: Vec<String> =
        links(&read("docs/decisions/README.md")).into_iter().map(|(_, target)| target).collect();
    let listed: Vec<&String> = listed.iter().filter(|target| names.contains(target)).collect();
    assert_eq!(
        listed,
        names.iter().collect::<Vec<_>>(),
        "docs/decisions/README.md lists them in order, each once"
    );
}

#[test]
fn every_decision_begins_with_its_number() {
    for name in decisions() {
        let title = read(&format!("docs/decisions/{name}")).lines().next().unwrap_or_default().to_owned();
        assert!(title.starts_with(&format!("# {}", &name[..4])), "{name}: {title}");
    }
}

#[test]
fn both_readmes_have_the_same_code_blocks_in_the_same_order() {
    let [english, chinese] = ["README.md", "README.zh-CN.md"];
    if let Some(missing) = [english, chinese].iter().find(|path| !root().join(path).exists()) {
        println!("skipped: {missing} is not there");
        return;
    }
    let (left, right) = (blocks(&read(english)), blocks(&read(chinese)));
    for (at, (left, right)) in left.iter().zip(&right).enumerate() {
        assert_eq!(left, right, "block {} differs between {english} and {chinese}", at + 1);
    }
    assert_eq!(left.len(), right.len(), "one README has more code blocks than the other");
}

#[test]
fn every_law_is_held_by_a_test_that_exists() {
    let path = "docs/laws.md";
    if !root().join(path).exists() {
        println!("skipped: {path} is not there");
        return;
    }
    let functions = functions();
    let text = read(path);
    let rows: Vec<(usize, &str)> = text.lines().filter_map(|line| Some((law(line)?, line))).collect();
    let laws: Vec<usize> = rows.iter().map(|(law, _)| *law).collect();
    assert_eq!(laws, (1..=LAWS).collect::<Vec<_>>(), "{path}: one row for each law, in order");
    for (law, row) in rows {
        let named = named_functions(row);
        assert!(!named.is_empty(), "{path}: law {law} names no test");
        let lost: Vec<_> = named.iter().filter(|name| !functions.contains(*name)).collect();
        assert!(lost.is_empty(), "{path}: law {law} names tests that do not exist: {lost:?}");
    }
}

#[test]
fn every_test_and_path_that_the_architecture_page_names_exists() {
    let functions = functions();
    let mut found = Vec::new();
    for (line, text) in (1..).zip(read("ARCHITECTURE.md").lines()) {
        let lost = named_functions(text)
            .into_iter()
            .filter(|name| name.matches('_').count() > 2 && !functions.contains(name));
        found.extend(lost.map(|name| Finding::new("ARCHITECTURE.md", line, name)));
        let is_path = |name: &&str| {
            name.contains('/') && name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        };
        let lost = quoted(text).into_iter().filter(is_path).filter(|path| !root().join(path).exists());
        found.extend(lost.map(|path| Finding::new("ARCHITECTURE.md", line, path)));
    }
    judge("the architecture page names what is there", found, &[]);
}

fn documents() -> Vec<String> {
    let mut found = files("docs", ".md");
    found.extend(files("config", ".md"));
    let top = files("", ".md").into_iter().filter(|path| !path.contains('/'));
    found.extend(top);
    found
}

fn decisions() -> Vec<String> {
    let inside =
        files("docs/decisions", ".md").into_iter().map(|path| path["docs/decisions/".len()..].to_owned());
    inside.filter(|name| name != "README.md").collect()
}

/// Names of all functions of the repository.
fn functions() -> BTreeSet<String> {
    let all = sources(&["agent", "firmware", "tests"]);
    all.iter().flat_map(|source| source.scanned.functions()).map(|function| function.name).collect()
}

/// Relative targets of `[text](target)` outside code blocks, without their anchors.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut inside_block = false;
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        inside_block ^= text.trim_start().starts_with("```");
        for (at, _) in text.match_indices("](").filter(|_| !inside_block) {
            let target = text[at + 2..]
                .split([')', ' '])
                .next()
                .unwrap_or_default()
                .split('#')
                .next()
                .unwrap_or_default();
            let is_relative = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            found.extend(is_relative.then(|| (line, target.to_owned())));
        }
    }
    found
}

/// Language and content of each fenced block; comments are left out, since they are translated.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside_block = false;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside_block = !inside_block;
            if inside_block {
                found.push((language.trim().to_owned(), String::new()));
            }
        } else if let Some((language, content)) = found.last_mut().filter(|_| inside_block) {
            let code =
                if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or(line).trim_end() };
            if !TRANSLATED.contains(&language.as_str()) {
                content.push_str(code);
                content.push('\n');
            }
        }
    }
    found
}

/// The law a table row speaks of: its first cell is `law 7` or `7`.
fn law(line: &str) -> Option<usize> {
    let cell = line.trim().strip_prefix('|')?.split('|').next()?.trim().to_lowercase();
    cell.trim_start_matches("law").trim().parse().ok()
}

fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// Functions that a line names between backticks, `module::name` by its last part; a name has an underscore.
fn named_functions(line: &str) -> Vec<String> {
    let is_name = |name: &&str| {
        name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    quoted(line)
        .into_iter()
        .filter_map(|name| name.rsplit("::").next())
        .filter(is_name)
        .map(str::to_owned)
        .collect()
}

#[test]
fn links_are_read_without_anchors_and_outside_code() {
    let text = "see [a](b.md#c) and [d](https://e) ![f](g.png)\n```\n[h](i)\n```\n[j](#k)";
    assert_eq!(links(text), [(1, "b.md".to_owned()), (1, "g.png".to_owned())]);
}

#[test]
fn translated_comments_do_not_make_blocks_differ_and_commands_do() {
    let block = |line: &str| blocks(&format!("```sh\n{line}\n```\n"));
    assert_eq!(block("hazard check  # looks"), block("hazard check  # 检查"));
    assert_ne!(block("hazard check"), block("hazard plan"));
    assert_eq!(Scanned::new("").functions().len(), 0);
}
