//! Point tables: what is said of them, word by word; what is taken for the same; what comes back as it went.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files and shapes")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use hazard_agent::cli::points::{Missing, Trouble, Verdict, examine, told};
use hazard_agent::config::{self, Lang};
use hazard_agent::points::{self, Columns, Difference, Form, Said, SiteText, Table};
use proptest::prelude::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/points");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
const LANGS: [(Lang, &str); 2] = [(Lang::Zh, "zh"), (Lang::En, "en")];

static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::new(&config::site_schema()));
static WORKBOOK: LazyLock<Vec<u8>> =
    LazyLock::new(|| points::written(Form::Book, &columns(), &site()).unwrap());

#[test]
fn changes_are_told_word_by_word_in_both_languages() {
    let verdict = judged(&input("change.csv")).unwrap();
    for (lang, name) in LANGS {
        golden(&format!("change.{name}.txt"), &lines(verdict.lines(), lang));
    }
    golden("change.site.toml", verdict.text());
    let verdict = examine((&site_path(), &site()), &input("change.csv"), Missing::Removed).unwrap();
    assert!(lines(verdict.lines(), Lang::En).contains("- removed XS-201"));
    assert!(!verdict.text().contains("XS-201"));
}

#[test]
fn faults_are_told_at_their_cells_in_both_languages_all_at_once() {
    let trouble = judged(&input("broken.csv")).unwrap_err();
    for (lang, name) in LANGS {
        golden(&format!("broken.{name}.txt"), &lines(&trouble.lines(Path::new("site.toml")), lang));
        let marked = trouble.marked(lang).unwrap().unwrap();
        golden(&format!("broken.{name}.marked.csv"), std::str::from_utf8(&marked).unwrap());
    }
}

#[test]
fn a_marked_copy_is_read_again_and_has_the_same_faults() {
    let first = judged(&input("broken.csv")).unwrap_err();
    let marked = first.marked(Lang::En).unwrap().unwrap();
    let again = judged(&marked).unwrap_err();
    let cells = |trouble: &Trouble| lines(&trouble.lines(Path::new("")), Lang::En);
    assert_eq!(cells(&first), cells(&again));
    // The remark stands in another column of the copy than anything else.
    assert!(std::str::from_utf8(&marked).unwrap().lines().next().unwrap().contains("错误 error"));
}

#[test]
fn every_line_that_the_table_does_not_speak_of_stays_as_it_is() {
    let verdict = judged(&input("change.csv")).unwrap();
    let before = fs::read_to_string(site_path()).unwrap();
    let gone: Vec<&str> =
        before.lines().filter(|line| !verdict.text().lines().any(|kept| kept == *line)).collect();
    let told =
        ["alarms = [{ kind = \"high_high\"", "reference = \"30001\"", "range = [0, 40]", "kind = \"low\""];
    let told = told.into_iter().chain(["[[points.alarms]]", "setpoint = 24.0", "deadband = 1"]);
    let told: Vec<&str> = told.collect();
    for line in &gone {
        assert!(told.iter().any(|told| line.starts_with(told)), "{line}");
    }
    for comment in ["现场名牌", "一级按通行值", "说明书第 7 页", "# 火花 Sparks", "# 打磨车间"]
    {
        assert!(verdict.text().contains(comment), "{comment}");
    }
}

#[test]
fn what_was_written_is_the_same_when_it_is_imported_again() {
    let verdict = judged(&input("change.csv")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    fs::write(&path, verdict.text()).unwrap();
    let site = SiteText::parse(verdict.text()).unwrap();
    let again = examine((&path, &site), &input("change.csv"), Missing::Kept).unwrap();
    assert!(again.is_empty(), "{}", lines(again.lines(), Lang::En));
}

#[test]
fn encodings_and_delimiters_make_no_difference() {
    let text = String::from_utf8(input("change.csv")).unwrap();
    let expected = lines(judged(text.as_bytes()).unwrap().lines(), Lang::Zh);
    let (gb18030, _, lossy) = encoding_rs::GB18030.encode(&text);
    assert!(!lossy);
    assert!(std::str::from_utf8(&gb18030).is_err(), "it is not UTF-8 by chance");
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
    let variants = [
        gb18030.into_owned(),
        marked(b"\xef\xbb\xbf", text.as_bytes()),
        marked(b"\xff\xfe", &wide(u16::to_le_bytes)),
        marked(b"\xfe\xff", &wide(u16::to_be_bytes)),
        text.replace(',', ";").into_bytes(),
        text.replace(',', "\t").into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
        format!("sep=;\n{}", text.replace(',', ";")).into_bytes(),
    ];
    for (at, bytes) in variants.iter().enumerate() {
        let verdict =
            judged(bytes).unwrap_or_else(|trouble| panic!("{at}: {:?}", trouble.lines(Path::new(""))));
        let told = lines(verdict.lines(), Lang::Zh);
        // The line that gives the delimiter is a row of its own.
        let told = if at == 7 { told.replace("Y2", "Y1") } else { told };
        assert_eq!(told, expected, "variant {at}");
    }
}

#[test]
fn sites_come_back_from_their_tables_without_a_difference() {
    let shipped = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/site.toml"));
    let others = ["profiles", "interlocks", "upkeep", "calls"];
    let others = others.map(|name| Path::new(GOLDEN).with_file_name("config").join(name).join("site.toml"));
    for path in others.into_iter().chain([shipped, site_path()]) {
        let text = fs::read_to_string(&path).unwrap();
        for form in [Form::Book, Form::Csv(b',')] {
            assert_eq!(round_trip(&text, form), Ok(()), "{}", path.display());
        }
    }
}

#[test]
fn a_formula_that_failed_and_a_date_are_told_at_their_cells() {
    // Both come from spreadsheets only; a table of cells stands for one.
    let cells = [
        ((0, 0), points::Cell::Text("tag".into())),
        ((0, 1), points::Cell::Text("scale".into())),
        ((1, 0), points::Cell::Text("GT-101".into())),
        ((1, 1), points::Cell::Broken("#REF!".into())),
        ((2, 0), points::Cell::Date("2026-01-02".into())),
    ];
    let sheet = points::Sheet { name: "表".into(), cells: cells.into_iter().collect() };
    let table = Table::new(vec![sheet], &columns()).unwrap();
    let said: Vec<_> =
        table.notes.iter().map(|note| (note.row, note.column, note.said.en.as_str())).collect();
    let [(1, 1, formula), (2, 0, date)] = said.as_slice() else { panic!("{said:?}") };
    assert!(formula.contains("#REF!") && date.contains("2026-01-02"), "{said:?}");
}

#[test]
fn the_pages_explain_every_column_as_the_code_has_it() {
    for (page, about) in [("point-table.md", 4), ("point-table.zh-CN.md", 3)] {
        let path = Path::new(DOCS).join(page);
        let text = fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once("<!-- columns -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- /columns -->").unwrap();
        let cell = |text: &str| text.replace('|', "\\|").replace('<', "\\<");
        let rows: String = columns()
            .explained()
            .iter()
            .map(|row| format!("| {} | `{}` | {} | {} |\n", row[0], row[1], cell(&row[2]), cell(&row[about])))
            .collect();
        let head = if about == 4 {
            "| column | key | takes | meaning |"
        } else {
            "| 列 | 键 | 写什么 | 意思 |"
        };
        let table = format!("{head}\n|---|---|---|---|\n{rows}");
        let fresh = format!("{before}<!-- columns -->\n\n{table}\n<!-- /columns -->{after}");
        compare(&path, &fresh);
    }
}

#[test]
fn every_column_has_its_meaning_and_a_name_of_its_own() {
    let columns = columns();
    let explained = columns.explained();
    for [heading, key, takes, zh, en] in &explained {
        assert!(!zh.is_empty() && !en.is_empty() && !takes.is_empty(), "{key} is not in the schema");
        assert!(en.is_ascii() || !en.chars().any(|c| c > '\u{2e80}' && c < '\u{fe00}'), "{en}");
        let names = |other: &&[String; 5]| other[0] == *heading || other[1] == *key;
        assert_eq!(explained.iter().filter(names).count(), 1, "{heading}");
    }
    // What the site file can say of a point and a table cannot: these keys stay as they are.
    let schema = config::site_schema();
    let keys = schema["$defs"]["PointFile"]["properties"].as_object().unwrap().keys();
    let without: Vec<&String> = keys.filter(|key| columns.of_key(key).is_none()).collect();
    let known =
        ["title", "range", "counts", "ne43", "ne43_hold_ms", "drift", "alarms", "watches", "renamed_from"];
    assert_eq!(without, known);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_site_comes_back_from_its_table_without_a_difference(points in prop::collection::vec(any_point(), 0..6)) {
        let points: String = points.iter().enumerate().map(|(at, point)| point.replace("{TAG}", &format!("T-{at}"))).collect();
        let text = format!("[[devices]]\nid = \"D1\"\nbus = \"b\"\nunit = 3\n{points}");
        for form in [Form::Book, Form::Csv(b';')] {
            prop_assert_eq!(round_trip(&text, form), Ok(()), "{}", text);
        }
    }

    #[test]
    fn no_bytes_are_worse_than_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        drop(points::read(&bytes).map(|(_, sheets)| Table::new(sheets, &columns())));
        for start in [b"PK\x03\x04".as_slice(), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"] {
            drop(points::read(&[start, &bytes].concat()));
        }
    }

    #[test]
    fn no_damage_to_a_workbook_is_worse_than_an_error(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = WORKBOOK.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let site = site();
        drop(examine((&site_path(), &site), &bytes, Missing::Kept));
    }

    #[test]
    fn no_text_in_a_table_is_worse_than_an_error(cells in prop::collection::vec(".{0,12}", 0..60), width in 2_usize..9) {
        let heads = ["tag", "device", "reference", "address", "type", "scale", "range.low", "high.setpoint", "sentinels"];
        let rows = cells.chunks(width).map(|row| row.join(","));
        let text: String = [heads[..width].join(",")].into_iter().chain(rows).map(|row| row + "\n").collect();
        let site = site();
        drop(examine((&site_path(), &site), text.as_bytes(), Missing::Removed));
    }
}

/// A point as anybody might write it, sensible or not.
fn any_point() -> impl Strategy<Value = String> {
    let text = "[a-zA-Z0-9 ,;\"'％（）＃αβ中文点表°³·-]{1,12}";
    let number = prop_oneof![(-1_000_i32..1_000).prop_map(f64::from), -1e6..1e6, Just(0.1), Just(1e-9)];
    let key = |name: &'static str, value: BoxedStrategy<String>| {
        prop::option::of(value)
            .prop_map(move |value| value.map(|value| format!("{name} = {value}\n")).unwrap_or_default())
    };
    // A blank text is no text: `hazard check` refuses it in a site file, and an empty cell says the same of a table.
    let quoted = text
        .prop_filter("blank", |text| !text.trim().is_empty())
        .prop_map(|text| toml::Value::from(text).to_string())
        .boxed();
    let float = number.prop_map(|number| toml::Value::from(number).to_string()).boxed();
    let whole = (0_u32..70_000).prop_map(|whole| whole.to_string()).boxed();
    let switch = any::<bool>().prop_map(|on| on.to_string()).boxed();
    let word = |words: &'static [&'static str]| {
        prop::sample::select(words).prop_map(|word| format!("\"{word}\"")).boxed()
    };
    let pair = (float.clone(), float.clone()).prop_map(|(low, high)| format!("[{low}, {high}]")).boxed();
    let list = prop::collection::vec(any::<i64>(), 0..4).prop_map(|list| format!("{list:?}")).boxed();
    let alarm =
        (key("setpoint", float.clone()), key("on_delay_ms", whole.clone()), key("latch", switch.clone()));
    let alarm = alarm.prop_map(|(a, b, c)| format!("[[points.alarms]]\nkind = \"high\"\n{a}{b}{c}"));
    let plain = (
        key("name", quoted.clone()),
        key("zone", quoted.clone()),
        key("unit", quoted),
        key("address", whole.clone()),
        key("reference", word(&["40001", "400001", "00017", "365536"])),
        key("type", word(&["u16", "f32", "bit"])),
        key("order", word(&["ABCD", "DCBA"])),
    );
    let more = (
        key("scale", float),
        key("safety", switch),
        key("range", pair),
        key("sentinels", list),
        key("poll_ms", whole),
    );
    (plain, more, prop::option::of(alarm)).prop_map(|(a, b, alarm)| {
        let head = "\n[[points]]\ntag = \"{TAG}\"\ndevice = \"D1\"\n".to_owned();
        let plain = [a.0, a.1, a.2, a.3, a.4, a.5, a.6].concat();
        head + &plain + &[b.0, b.1, b.2, b.3, b.4].concat() + &alarm.unwrap_or_default()
    })
}

/// Exports a site, imports it into itself, and fills an emptied one from it.
fn round_trip(text: &str, form: Form) -> Result<(), String> {
    let (columns, site) = (columns(), SiteText::parse(text).unwrap());
    let bytes = points::written(form, &columns, &site).map_err(|said| said.en)?;
    let (read, sheets) = points::read(&bytes).map_err(|said| said.en)?;
    if site.tags().is_empty() {
        return Ok(());
    }
    assert_eq!(read, form);
    let table = Table::new(sheets, &columns).map_err(|said| said.en)?;
    let compare = |site: &SiteText| {
        let mut table = table.clone();
        let difference = Difference::new(&mut table, site, &columns);
        (difference, table.notes)
    };
    let (same, notes) = compare(&site);
    if !same.is_empty() || !notes.is_empty() {
        return Err(format!("{notes:?}\n{}", lines(&same.said(&columns), Lang::En)));
    }
    let mut emptied = site.clone();
    let mut nothing = table.clone();
    nothing.rows.clear();
    let mut all_gone = Difference::new(&mut nothing, &site, &columns);
    all_gone.remove_missing();
    all_gone.apply(&mut emptied, &columns);
    assert!(emptied.tags().is_empty());
    compare(&emptied).0.apply(&mut emptied, &columns);
    let (same, _) = compare(&emptied);
    if same.is_empty() { Ok(()) } else { Err(lines(&same.said(&columns), Lang::En)) }
}

fn columns() -> Columns {
    COLUMNS.clone()
}

fn site_path() -> PathBuf {
    Path::new(GOLDEN).join("site.toml")
}

fn site() -> SiteText {
    SiteText::parse(&fs::read_to_string(site_path()).unwrap()).unwrap()
}

fn input(name: &str) -> Vec<u8> {
    fs::read(Path::new(GOLDEN).join(name)).unwrap()
}

fn judged(table: &[u8]) -> Result<Verdict, Box<Trouble>> {
    examine((&site_path(), &site()), table, Missing::Kept)
}

fn lines(said: &[Said], lang: Lang) -> String {
    let lines: String = said.iter().map(|said| format!("{}\n", told(said, lang))).collect();
    lines.replace(&format!("{GOLDEN}/"), "")
}

fn golden(name: &str, text: &str) {
    compare(&Path::new(GOLDEN).join(name), text);
}

/// Compares with a file; `HAZARD_BLESS=1` writes it.
fn compare(path: &Path, text: &str) {
    if std::env::var_os("HAZARD_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(path, text).unwrap();
        return;
    }
    let known = fs::read_to_string(path).unwrap_or_default();
    assert!(known == text, "{} is stale; run with HAZARD_BLESS=1 and read the difference", path.display());
}
