//! Addresses as people write them: references (`40001`) and PDU addresses (`0`), in mbpoll's words.

use hazard_core::link::Table;

use crate::cli::word;
use crate::config::Lang;

/// The table that `-t` names: mbpoll's 0, 1, 3, 4, or a word; mbpoll's formats (`4:float`) are all shown anyway.
pub(super) fn table(text: &str) -> Result<Table, String> {
    match text.split(':').next().unwrap_or_default() {
        "0" | "coil" => Ok(Table::Coil),
        "1" | "discrete" => Ok(Table::Discrete),
        "3" | "input" => Ok(Table::Input),
        "4" | "holding" => Ok(Table::Holding),
        _ => Err("写 0|coil、1|discrete、3|input、4|holding write 0|coil, 1|discrete, 3|input or 4|holding"
            .to_owned()),
    }
}

/// The address that `-r` and `-t` name together; with `pdu` it counts from 0, else it is a reference (`40001`, `400001`) or, as
/// with mbpoll, the table's number counted from 1.
pub(super) fn place(
    text: &str,
    given: Option<Table>,
    pdu: Numbering,
    lang: Lang,
) -> Result<(Table, u16), String> {
    let wrong = |zh: &'static str, en: &'static str| format!("-r {text}: {}", word(lang, zh, en));
    let number: u32 = text.parse().map_err(|_| {
        wrong(
            "写成参考号 40001，或加 --pdu 写 PDU 地址 0",
            "write a reference like 40001, or a PDU address like 0 with --pdu",
        )
    })?;
    let address =
        |number: u32| u16::try_from(number).map_err(|_| wrong("地址只到 65535", "addresses end at 65535"));
    if pdu == Numbering::Pdu {
        return Ok((given.unwrap_or(Table::Holding), address(number)?));
    }
    if let Some((table, rest)) = reference(text, number) {
        if given.is_some_and(|given| given != table) {
            return Err(wrong("与 -t 说的表不一致", "is of another table than -t says"));
        }
        return Ok((table, address(rest)?));
    }
    let Some(zero_based) = number.checked_sub(1) else {
        return Err(wrong(
            "参考号从 1 起；PDU 地址请加 --pdu",
            "references begin at 1; for PDU addresses add --pdu",
        ));
    };
    if number > 9_999 {
        return Err(wrong(
            "不是参考号（0xxxx、1xxxx、3xxxx、4xxxx）；大地址写六位参考号如 410001，或加 --pdu",
            "is no reference (0xxxx, 1xxxx, 3xxxx, 4xxxx); write large ones with six digits like 410001, or add --pdu",
        ));
    }
    Ok((given.unwrap_or(Table::Holding), address(zero_based)?))
}

/// From where `-r` counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Numbering {
    Reference,
    Pdu,
}

impl Numbering {
    pub(super) const fn of(pdu: bool) -> Self {
        if pdu { Self::Pdu } else { Self::Reference }
    }
}

/// A reference of five or six digits: its table and the address from 0.
fn reference(text: &str, number: u32) -> Option<(Table, u32)> {
    let span = match text.len() {
        5 => 10_000,
        6 => 100_000,
        _ => return None,
    };
    let table = match number / span {
        0 => Table::Coil,
        1 => Table::Discrete,
        3 => Table::Input,
        4 => Table::Holding,
        _ => return None,
    };
    Some((table, (number % span).checked_sub(1)?))
}

/// A list of units like `1,3,5-8`.
pub(super) fn units(text: &str) -> Result<Units, String> {
    let wrong = || "写成 1-247 或 1,3,5-8 write it as 1-247 or 1,3,5-8".to_owned();
    let mut units = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once(['-', ':']).unwrap_or((part, part));
        let first: u8 = first.trim().parse().map_err(|_| wrong())?;
        let last: u8 = last.trim().parse().map_err(|_| wrong())?;
        if first > last {
            return Err(wrong());
        }
        units.extend((first..=last).filter(|unit| !units.contains(unit)).collect::<Vec<_>>());
    }
    Ok(Units(units))
}

/// Units to ask, each once, in the order written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Units(pub(super) Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, table: Option<Table>) -> Option<(Table, u16)> {
        place(text, table, Numbering::Reference, Lang::En).ok()
    }

    #[test]
    fn references_and_pdu_addresses_name_the_same_place() {
        assert_eq!(read("40001", None), Some((Table::Holding, 0)));
        assert_eq!(read("400001", None), Some((Table::Holding, 0)));
        assert_eq!(read("465536", None), Some((Table::Holding, 65_535)));
        assert_eq!(read("30101", None), Some((Table::Input, 100)));
        assert_eq!(read("10008", None), Some((Table::Discrete, 7)));
        assert_eq!(read("00001", None), Some((Table::Coil, 0)));
        assert_eq!(read("1", None), Some((Table::Holding, 0)), "mbpoll counts from 1");
        assert_eq!(read("101", Some(Table::Input)), Some((Table::Input, 100)));
        let pdu = |text| place(text, Some(Table::Input), Numbering::Pdu, Lang::En).ok();
        assert_eq!(pdu("0"), Some((Table::Input, 0)));
        assert_eq!(pdu("40001"), Some((Table::Input, 40_001)));
        assert_eq!(pdu("65536"), None);
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        assert_eq!(read("0", None), None);
        assert_eq!(read("20001", None), None);
        assert_eq!(read("40000", None), None, "no reference counts from 0");
        assert_eq!(read("466000", None), None);
        assert_eq!(read("30001", Some(Table::Holding)), None);
        assert_eq!(read("x", None), None);
    }

    #[test]
    fn units_are_listed_once_each() {
        assert_eq!(units("1,3,5-8,6").unwrap().0, [1, 3, 5, 6, 7, 8]);
        assert_eq!(units("1-247").unwrap().0.len(), 247);
        assert_eq!(units("32,33,34:40").unwrap().0.len(), 9, "mbpoll's lists");
        assert!(units("8-5").is_err() && units("").is_err() && units("256").is_err());
    }

    #[test]
    fn tables_have_mbpolls_numbers_and_words() {
        assert_eq!(table("4:float"), Ok(Table::Holding));
        assert_eq!(table("input"), Ok(Table::Input));
        assert!(table("2").is_err());
    }
}
