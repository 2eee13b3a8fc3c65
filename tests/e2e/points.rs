//! Point tables between the real binary and programs that we did not write: openpyxl, and what a Chinese Excel calls CSV.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::agent::hazard;
use crate::tools::{skip, tool};

const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/points/site.toml");
const CHANGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/points/change.csv");
const APPLIED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/points/change.site.toml");

/// Writes a table as somebody in a plant would: numbers for unit addresses and references, text for numbers, a formula.
const WRITE: &str = r#"
import openpyxl, sys
book = openpyxl.Workbook()
book.active.title = "封面"
book.active["A1"] = "某厂点表"
sheet = book.create_sheet("气体")
sheet.append(["气体探测器点表"])
sheet.append(["位号", "名称", "设备", "站号", "引用地址", "数据类型", "系数", "测什么", "高高设定值"])
sheet.append(["GT-201", "喷漆房", "GT-101-DET", 1, 40011, "float", "0.1", "可燃气体（点型）", sys.argv[2]])
sheet.append(["GT-202", "烘干房", "GT-101-DET", 1.0, "4x0021", "f32", 0.1, "combustible", "45"])
book.save(sys.argv[1])
"#;

/// Prints a workbook's sheets, drop-downs, notes and red cells.
const READ: &str = r#"
import openpyxl, sys
book = openpyxl.load_workbook(sys.argv[1])
print("sheets", *[sheet.title for sheet in book])
sheet = book.worksheets[int(sys.argv[2])]
print("frozen", sheet.freeze_panes)
print("lists", len(sheet.data_validations.dataValidation))
for row in sheet.iter_rows():
    for cell in row:
        if cell.comment:
            print("note", cell.coordinate, cell.fill.fgColor.rgb, cell.value, cell.comment.text)
        elif cell.row > 1 and cell.value is not None:
            print("cell", cell.coordinate, type(cell.value).__name__, cell.value)
"#;

#[test]
fn a_table_in_gb18030_is_told_applied_and_then_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let site = copied_site(dir.path());
    let text = std::fs::read_to_string(CHANGE).unwrap();
    let table = dir.path().join("点表.csv");
    std::fs::write(&table, encoding_rs::GB18030.encode(&text).0).unwrap();
    let before = std::fs::read(&site).unwrap();
    let dry = points(&["import", shown(&table)], &site);
    assert_eq!(dry.0, 0, "{}{}", dry.1, dry.2);
    assert!(dry.1.contains("高高设定值：50 → 45") && dry.1.contains("试算"), "{}", dry.1);
    assert_eq!(std::fs::read(&site).unwrap(), before, "a dry run writes nothing");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);

    let applied = points(&["import", shown(&table), "--apply"], &site);
    assert_eq!(applied.0, 0, "{}", applied.2);
    assert!(applied.1.contains("systemctl reload hazard"), "{}", applied.1);
    assert_eq!(std::fs::read_to_string(&site).unwrap(), std::fs::read_to_string(APPLIED).unwrap());
    assert_eq!(std::fs::read(dir.path().join("site.toml.bak")).unwrap(), before);
    assert_eq!(hazard(&["check", "-c", shown(&site)]).status.code(), Some(0));
    let again = points(&["import", shown(&table), "--apply"], &site);
    assert!(again.0 == 0 && again.1.contains("与站点文件相同"), "{}", again.1);
}

#[test]
fn a_table_by_openpyxl_goes_in_and_comes_out_again() {
    let Some(python) = openpyxl() else { return };
    let dir = tempfile::tempdir().unwrap();
    let site = copied_site(dir.path());
    let table = dir.path().join("厂里的.xlsx");
    run(&python, WRITE, &[shown(&table), "=40+5"]);
    // openpyxl saves no results of formulas: the cell counts as empty and the profile's usual value holds.
    let told = points(&["import", shown(&table), "--apply"], &site);
    assert_eq!(told.0, 0, "{}{}", told.1, told.2);
    let text = std::fs::read_to_string(&site).unwrap();
    let new = text.split("[[points]]").find(|point| point.contains("GT-202")).unwrap();
    for line in [
        "reference = \"40021\"",
        "type = \"f32\"",
        "scale = 0.1",
        "profile = \"combustible\"",
        "setpoint = 45 ",
    ] {
        assert!(new.contains(line), "{line} is not in {new}");
    }
    let exported = dir.path().join("导出.xlsx");
    assert_eq!(points(&["export", "-o", shown(&exported)], &site).0, 0);
    let read = run(&python, READ, &[shown(&exported), "0"]);
    assert!(read.contains("sheets 点表 points 说明 columns 选项 choices\nfrozen B2\n"), "{read}");
    for cell in ["cell A5 str GT-201", "cell I5 str 40011", "cell E5 int 1", "cell P5 float 0.1"] {
        assert!(read.lines().any(|line| line == cell), "{cell} is not in {read}");
    }
    let refused = points(&["export", "-o", shown(&exported)], &site);
    assert_eq!(refused.0, 73);
    assert_eq!(points(&["export", "--force", "-o", shown(&exported)], &site).0, 0);
    let same = points(&["import", shown(&exported)], &site);
    assert!(same.0 == 0 && same.1.contains("与站点文件相同"), "{}{}", same.1, same.2);
}

#[test]
fn a_faulty_workbook_comes_back_with_red_cells_and_notes() {
    let Some(python) = openpyxl() else { return };
    let dir = tempfile::tempdir().unwrap();
    let site = copied_site(dir.path());
    let before = std::fs::read(&site).unwrap();
    let table = dir.path().join("点表.xlsx");
    // Above the legal ceiling of combustible gas: the configuration's own check refuses it, at this cell.
    run(&python, WRITE, &[shown(&table), "60"]);
    let told = points(&["import", shown(&table), "--apply"], &site);
    assert_eq!(told.0, 65, "{}{}", told.1, told.2);
    assert!(told.2.contains("气体!I3 GT-201") && told.2.contains("点表.errors.xlsx"), "{}", told.2);
    assert_eq!(std::fs::read(&site).unwrap(), before, "a faulty table writes nothing");
    let read = run(&python, READ, &[shown(&dir.path().join("点表.errors.xlsx")), "0"]);
    let note = read
        .lines()
        .find(|line| line.starts_with("note I3 FFFF9999 60 "))
        .unwrap_or_else(|| panic!("{read}"));
    assert!(note.contains("50"), "{note}");
    assert!(read.contains("cell A4 str GT-202"), "{read}");
}

#[test]
fn a_template_has_drop_downs_and_nothing_to_import() {
    let dir = tempfile::tempdir().unwrap();
    let site = copied_site(dir.path());
    let table = dir.path().join("点表.xlsx");
    assert_eq!(points(&["template", "-o", shown(&table)], &site).0, 0);
    assert_eq!(points(&["template", "-o", shown(&table)], &site).0, 73, "it is there");
    assert_eq!(points(&["template", "-o", "点表.doc"], &site).0, 64);
    let told = points(&["import", shown(&table)], &site);
    assert!(told.0 == 0 && told.1.contains("示例 2 行不计"), "{}{}", told.1, told.2);
    assert_eq!(points(&["import", "/nonexistent.xlsx"], &site).0, 66);
    assert_eq!(points(&["import", SITE], &site).0, 65, "a TOML file is no table");
    assert_eq!(points(&["import", shown(&table)], Path::new("/nonexistent.toml")).0, 78);
    let Some(python) = openpyxl() else { return };
    let read = run(&python, READ, &[shown(&table), "2"]);
    assert!(read.contains("str GT-101-DET") && read.contains("str rs485-1"), "the site's own names: {read}");
}

fn copied_site(dir: &Path) -> PathBuf {
    let site = dir.join("site.toml");
    std::fs::copy(SITE, &site).unwrap();
    site
}

/// Exit code, what was said on stdout and on stderr, in Chinese.
fn points(args: &[&str], site: &Path) -> (i32, String, String) {
    let output = hazard(&[&["points"], args, &["--lang", "zh", "-c", shown(site)]].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn openpyxl() -> Option<PathBuf> {
    let python = tool("python3")?;
    let ready = Command::new(&python).args(["-c", "import openpyxl"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        skip("python3 has no openpyxl (pip install openpyxl)");
        return None;
    }
    Some(python)
}

fn run(python: &Path, script: &str, args: &[&str]) -> String {
    let output = Command::new(python)
        .env("PYTHONIOENCODING", "utf-8")
        .arg("-c")
        .arg(script)
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
