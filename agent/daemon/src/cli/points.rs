//! `hazard points`: the points of the site file as a table for Excel, and back. Nothing is written into the site file without
//! `--apply`, and nothing that the configuration's own check refuses.

mod verdict;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;

pub use verdict::{Missing, Trouble, Verdict, examine, told};

use super::{CANNOT_WRITE, CONFIG, IN_USE, NO_INPUT, NOT_WHOLE, OK, USAGE, say, word};
use crate::config::{self, Lang};
use crate::points::{self, Columns, Form, Kept, Over, Replaced, Said, SiteText};

/// More than any table may have; a device or a pipe must not fill the memory.
const READ_BYTES_MAX: u64 = 64 << 20;
/// A file that unpacks without end stops this program and not the agent beside it.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// What to do with tables.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// 空表：列名、下拉选项、说明和示例行 an empty table with headings, drop-downs, explanations and examples
    ///
    /// 示例 example: hazard points template -o 点表.xlsx
    Template {
        /// 写到哪里，.xlsx 或 .csv where to, .xlsx or .csv
        #[arg(short, long)]
        output: PathBuf,
        /// 覆盖已有文件 write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// 导出站点文件中的点 the points of the site file
    Export {
        /// 写到哪里，.xlsx 或 .csv where to, .xlsx or .csv
        #[arg(short, long)]
        output: PathBuf,
        /// 覆盖已有文件 write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// 导入：与站点文件比较并检查，加 --apply 才写入；有错误时写出标注副本 compare with the site file and check; writes with --apply only; faults come back in a marked copy
    ///
    /// 空单元格等于不写这个键；表中没有的列不动。An empty cell means that the key is not written; columns that the table lacks are left alone.
    Import {
        /// 点表：.xlsx、.xls、.ods 或 .csv（UTF-8、UTF-16、GB18030）the table
        table: PathBuf,
        /// 写入站点文件，保留注释；原文件存为 .bak write into the site file and keep its comments; the old one stays as .bak
        #[arg(long)]
        apply: bool,
        /// 删除表中没有的点 remove points that the table lacks
        #[arg(long)]
        remove_missing: bool,
    },
}

pub(super) fn carry_out(site: &Path, verb: Verb, lang: Lang) -> u8 {
    match verb {
        Verb::Template { output, force } => template(site, &output, over(force), lang),
        Verb::Export { output, force } => export(site, &output, over(force), lang),
        Verb::Import { table, apply, remove_missing } => {
            let missing = if remove_missing { Missing::Removed } else { Missing::Kept };
            import(site, &table, (missing, apply), lang)
        }
    }
}

const fn over(force: bool) -> Over {
    if force { Over::AnyFile } else { Over::Nothing }
}

fn template(site: &Path, output: &Path, over: Over, lang: Lang) -> u8 {
    let site_text = fs::read_to_string(site).ok().and_then(|text| SiteText::parse(&text).ok());
    if site_text.is_none() {
        let shown = site.display();
        match lang {
            Lang::Zh => eprintln!("读不到站点文件 {shown}：设备的下拉选项是空的；用 -c 指定"),
            Lang::En => {
                eprintln!("no site file {shown}: there are no devices to choose from; name it with -c")
            }
        }
    }
    let columns = Columns::new(&config::site_schema());
    write(output, over, lang, |form| points::template(form, &columns, site_text.as_ref()))
}

fn export(site: &Path, output: &Path, over: Over, lang: Lang) -> u8 {
    let (_, parsed) = match parsed(site, lang) {
        Ok(read) => read,
        Err(code) => return code,
    };
    let columns = Columns::new(&config::site_schema());
    write(output, over, lang, |form| points::written(form, &columns, &parsed))
}

fn write(output: &Path, over: Over, lang: Lang, table: impl FnOnce(Form) -> Result<Vec<u8>, Said>) -> u8 {
    let ending = output.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let form = match ending.as_deref() {
        Some("xlsx") => Form::Book,
        Some("csv") => Form::Csv(b','),
        _ => {
            eprintln!(
                "{}",
                word(lang, "文件名要以 .xlsx 或 .csv 结尾", "the name must end in .xlsx or .csv")
            );
            return USAGE;
        }
    };
    let bytes = match table(form) {
        Ok(bytes) => bytes,
        Err(said) => {
            eprintln!("{}", told(&said, lang));
            return NOT_WHOLE;
        }
    };
    let shown = output.display();
    match points::create(output, &bytes, over) {
        Ok(()) => {
            say(&format!("{} {shown}", word(lang, "已写出", "written:")));
            OK
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            eprintln!(
                "{shown} {}",
                word(lang, "已经存在；换个名字，或加 --force", "is there; choose another name, or --force")
            );
            CANNOT_WRITE
        }
        Err(error) => {
            eprintln!("{shown}: {error}");
            CANNOT_WRITE
        }
    }
}

/// The site file's text, and the same ready for changes.
fn parsed(site: &Path, lang: Lang) -> Result<(String, SiteText), u8> {
    let read = fs::read_to_string(site).map_err(|error| error.to_string());
    read.and_then(|text| SiteText::parse(&text).map(|parsed| (text, parsed))).map_err(|error| {
        // The configuration's own check says it in words, with line and column.
        match config::load(site) {
            Err(report) => eprint!("{}", report.render(lang, config::Style::of_stderr())),
            Ok(_) => eprintln!("{}: {error}", site.display()),
        }
        CONFIG
    })
}

fn import(site: &Path, table: &Path, (missing, apply): (Missing, bool), lang: Lang) -> u8 {
    bound_memory();
    let (before, parsed) = match parsed(site, lang) {
        Ok(read) => read,
        Err(code) => return code,
    };
    let mut bytes = Vec::new();
    let read = fs::File::open(table).and_then(|file| file.take(READ_BYTES_MAX).read_to_end(&mut bytes));
    if let Err(error) = read {
        eprintln!("{}: {error}", table.display());
        return NO_INPUT;
    }
    match examine((site, &parsed), &bytes, missing) {
        Ok(verdict) => {
            for line in verdict.lines() {
                say(told(line, lang));
            }
            if apply && !verdict.is_empty() {
                store(site, (&before, verdict.text()), lang)
            } else {
                dry(&verdict, lang)
            }
        }
        Err(trouble) => complain(&trouble, (table, site), lang),
    }
}

fn dry(verdict: &Verdict, lang: Lang) -> u8 {
    say(if verdict.is_empty() {
        word(lang, "与站点文件相同，无需写入", "the same as the site file; nothing to write")
    } else {
        word(
            lang,
            "这是试算，什么也没有写；加 --apply 写入",
            "a dry run, nothing was written; --apply writes it",
        )
    });
    OK
}

fn store(site: &Path, (before, after): (&str, &str), lang: Lang) -> u8 {
    let shown = site.display();
    match points::replace(site, before, after) {
        Ok(Replaced::Done(Kept(kept))) => {
            let kept = kept.display();
            say(&match lang {
                Lang::Zh => format!(
                    "已写入 {shown}，原文件在 {kept}\n使其生效：systemctl reload hazard（或向 hazard run 发 SIGHUP）"
                ),
                Lang::En => format!(
                    "written to {shown}, the old one is {kept}\nto use it: systemctl reload hazard (or SIGHUP to hazard run)"
                ),
            });
            OK
        }
        Ok(Replaced::ChangedMeanwhile) => {
            let why = word(
                lang,
                "在此期间被别人改过，没有写入；再运行一次",
                "was changed by somebody meanwhile, nothing was written; run it again",
            );
            eprintln!("{shown} {why}");
            IN_USE
        }
        Err(error) => {
            eprintln!("{shown}: {error}");
            CANNOT_WRITE
        }
    }
}

fn complain(trouble: &Trouble, (table, site): (&Path, &Path), lang: Lang) -> u8 {
    for said in trouble.lines(site) {
        eprintln!("{}", told(&said, lang));
    }
    let Some(marked) = trouble.marked(lang) else {
        return if trouble.is_of_table() { NOT_WHOLE } else { CONFIG };
    };
    let ending = if trouble.form() == Form::Book { "errors.xlsx" } else { "errors.csv" };
    let copy = table.with_extension(ending);
    let written = marked.map_err(|said| told(&said, lang).to_owned()).and_then(|bytes| {
        points::create(&copy, &bytes, Over::AnyFile).map_err(|error| format!("{}: {error}", copy.display()))
    });
    match written {
        Ok(()) => {
            let shown = copy.display();
            match lang {
                Lang::Zh => eprintln!("什么也没有写入站点文件；错误标在 {shown} 的单元格上"),
                Lang::En => eprintln!(
                    "nothing was written into the site file; the faults are at their cells in {shown}"
                ),
            }
        }
        Err(why) => eprintln!("{why}"),
    }
    NOT_WHOLE
}

fn bound_memory() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::As);
    let least =
        |limit: Option<u64>| Some(limit.map_or(MEMORY_BYTES_MAX, |limit| limit.min(MEMORY_BYTES_MAX)));
    // A system that refuses leaves the limits as they are, and reading goes on under the reader's own.
    let _ = setrlimit(Resource::As, Rlimit { current: least(current), maximum });
}
