//! Where a point is read and how its registers become a quantity: address, reference, type, bits, order and scaling.

use hazard_core::link::Table;
use hazard_core::point::{Exponent, Order, Shape, Source};

use super::tag::Draft;
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, args};
use crate::config::point::{OrderKey, TableKey, TypeKey};

impl Draft<'_> {
    /// The point's source; every fault in it is noted.
    pub(super) fn source(&mut self) -> Option<Source> {
        let placed = self.address();
        let table = placed.map(|(table, _)| table).or_else(|| self.file.register.table.map(core_table));
        let shape = self.shape(table);
        let order = self.order(shape);
        let exponent = self.exponent();
        self.numbers();
        let ((table, address), shape) = (placed?, shape?);
        let base = self.base("address");
        if u32::from(address) + u32::from(shape.words()) > 0x1_0000 {
            let written = u32::from(address) + base;
            let words = args![written, base, base + 0xFFFF, shape.words()];
            let key = if self.file.register.reference.is_some() { "reference" } else { "address" };
            self.fault(Code::AddressBeyond, key, words);
            return None;
        }
        self.sentinels(shape);
        Some(Source { table, address, shape, order, exponent })
    }

    fn base(&self, key: &str) -> u32 {
        if self.place.is_inherited(key) { self.template_base.into() } else { 0 }
    }

    /// An address counted from 0.
    fn protocol_address(&mut self, key: &str, written: u16) -> Option<u16> {
        let base = self.base(key);
        let address = u32::from(written).checked_sub(base).and_then(|a| u16::try_from(a).ok());
        if address.is_none() {
            self.fault(Code::AddressBeyond, key, args![written, base, base + 0xFFFF, 1]);
        }
        address
    }

    fn address(&mut self) -> Option<(Table, u16)> {
        match (self.file.register.address, self.file.register.reference.clone()) {
            (None, None) => {
                self.fault(Code::NoAddress, "tag", args![&self.tag]);
                None
            }
            (Some(_), Some(_)) => {
                let fault = Fault::new(Code::TwoAddresses, self.place.at("reference"), args![&self.tag]);
                self.faults.push(fault.against(self.place.at("address")));
                None
            }
            (Some(written), None) => {
                let table = self.file.register.table.map(core_table);
                if table.is_none() {
                    self.fault(Code::NoTable, "address", args![&self.tag, "table", "\"holding\""]);
                }
                let address = self.protocol_address("address", written);
                Some((table?, address?))
            }
            (None, Some(reference)) => self.referred(&reference),
        }
    }

    fn referred(&mut self, reference: &str) -> Option<(Table, u16)> {
        let Some((key, address)) = parse_reference(reference) else {
            self.fault(Code::BadReference, "reference", args![reference]);
            return None;
        };
        if let Some(told) = self.file.register.table.filter(|told| *told != key) {
            let words = args![reference, table_name(key), table_name(told)];
            let fault = Fault::new(Code::ReferenceAgainstTable, self.place.at("reference"), words);
            self.faults.push(fault.against(self.place.at("table")));
            return None;
        }
        Some((core_table(key), address))
    }

    fn shape(&mut self, table: Option<Table>) -> Option<Shape> {
        let bits = table.is_some_and(Table::is_bits);
        let kind = match self.file.register.kind {
            None if bits => TypeKey::Bit,
            None => {
                self.fault(Code::NoTable, "tag", args![&self.tag, "type", "\"u16\""]);
                return None;
            }
            Some(kind) => kind,
        };
        if bits {
            return self.bit_table(kind);
        }
        // Without a table nobody knows whether a bit needs a number.
        table?;
        let words = self.words(kind)?;
        self.register_bits(kind)?;
        Some(match (kind, self.file.register.bit, self.file.register.bits) {
            (TypeKey::Bit, bit, _) => Shape::RegisterBit(bit?),
            (TypeKey::U16, _, Some([first, len])) => Shape::BitField { first, len },
            (TypeKey::I16, ..) => Shape::I16,
            (TypeKey::U16, ..) => Shape::U16,
            (TypeKey::I32, ..) => Shape::I32,
            (TypeKey::U32, ..) => Shape::U32,
            (TypeKey::I64, ..) => Shape::I64,
            (TypeKey::U64, ..) => Shape::U64,
            (TypeKey::F32, ..) => Shape::F32,
            (TypeKey::F64, ..) => Shape::F64,
            (TypeKey::Bcd, ..) => Shape::Bcd(words),
            (TypeKey::Text, ..) => Shape::Text(words),
        })
    }

    fn bit_table(&mut self, kind: TypeKey) -> Option<Shape> {
        if kind != TypeKey::Bit {
            let table = self.file.register.table.map_or("coil / discrete", table_name);
            self.fault(Code::TypeAgainstTable, "type", args![table, type_name(kind)]);
            return None;
        }
        let place = self.place;
        for key in ["bit", "bits"].into_iter().filter(|key| place.get(key).is_some()) {
            let why = Arg::Each("这个表里每个地址就是一位", "each address of this table is one bit");
            self.fault(Code::BadBits, key, vec![key.into(), why]);
        }
        Some(Shape::Bit)
    }

    /// Checks `bit` and `bits` of a register.
    fn register_bits(&mut self, kind: TypeKey) -> Option<()> {
        let why = match (kind, self.file.register.bit, self.file.register.bits) {
            (TypeKey::Bit, Some(_), None) => return Some(()),
            (kind, None, None) if kind != TypeKey::Bit => return Some(()),
            (TypeKey::U16, None, Some([first, len])) => {
                if len >= 1 && u16::from(first) + u16::from(len) <= 16 {
                    return Some(());
                }
                ("bits", Arg::Each("超出 16 位", "beyond the 16 bits"))
            }
            (TypeKey::Bit, None, _) => {
                ("bit", Arg::Each("寄存器里的开关量要写明第几位", "a switch in a register needs its bit"))
            }
            (_, Some(_), _) => ("bit", Arg::Each("只用于 type = \"bit\"", "only for type = \"bit\"")),
            (_, None, _) => ("bits", Arg::Each("只用于 type = \"u16\"", "only for type = \"u16\"")),
        };
        self.fault(Code::BadBits, why.0, vec![why.0.into(), why.1]);
        None
    }

    fn words(&mut self, kind: TypeKey) -> Option<u8> {
        let (allowed, fits): (&str, bool) = match (kind, self.file.register.words) {
            (TypeKey::Bcd, words) => ("1 / 2 / 4", matches!(words, None | Some(1 | 2 | 4))),
            (TypeKey::Text, words) => ("1…64", words.is_some()),
            (_, words) => ("—", words.is_none()),
        };
        if !fits {
            self.fault(Code::BadWords, "words", args![type_name(kind), allowed]);
            return None;
        }
        Some(self.file.register.words.unwrap_or(1))
    }

    fn order(&mut self, shape: Option<Shape>) -> Order {
        let Some(shape) = shape else { return Order::default() };
        let order = self.file.register.order.or(self.default_order).unwrap_or(OrderKey::Abcd);
        let single = shape.words() == 1;
        if let (true, Some(told @ (OrderKey::Cdab | OrderKey::Dcba))) = (single, self.file.register.order) {
            let kind = self.file.register.kind.map_or("bit", type_name);
            self.fault(Code::OrderWithoutWords, "order", args![kind, format!("{told:?}").to_uppercase()]);
        }
        Order {
            low_word_first: !single && matches!(order, OrderKey::Cdab | OrderKey::Dcba),
            low_byte_first: matches!(order, OrderKey::Badc | OrderKey::Dcba),
        }
    }

    fn exponent(&mut self) -> Option<Exponent> {
        match (self.file.decimals_at, self.file.divisor_at) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                let fault = Fault::new(Code::TwoExponents, self.place.at("divisor_at"), args![&self.tag]);
                self.faults.push(fault.against(self.place.at("decimals_at")));
                None
            }
            (Some(written), None) => {
                let address = self.protocol_address("decimals_at", written)?;
                let mask = self.file.decimals_mask.unwrap_or(u16::MAX);
                Some(Exponent::DecimalPlaces { address, mask })
            }
            (None, Some(written)) => {
                let address = self.protocol_address("divisor_at", written)?;
                Some(Exponent::Divisor { address })
            }
        }
    }

    fn numbers(&mut self) {
        if self.file.scale == Some(0.0) {
            self.fault(Code::BadNumber, "scale", args!["scale", 0]);
        }
    }

    fn sentinels(&mut self, shape: Shape) {
        let width = width_bits(shape);
        let places = self.place.get("sentinels").map(|node| node.members()).unwrap_or_default();
        let written = self.file.sentinels.clone().unwrap_or_default();
        for (node, sentinel) in places.iter().zip(written) {
            let least = if width >= 64 { i64::MIN } else { -(1_i64 << (width.max(1) - 1)) };
            let fits = sentinel >= least && (width >= 63 || sentinel < (1_i64 << width));
            if !fits {
                let kind = self.file.register.kind.map_or("bit", type_name);
                let words = args![sentinel, kind];
                self.faults.push(Fault::new(Code::SentinelTooLarge, node.spot(), words));
            }
        }
    }
}

/// Sentinels as the shape's unsigned bits; a negative one is two's complement.
pub(super) fn sentinel_bits(shape: Shape, written: Option<&[i64]>) -> Vec<u64> {
    let width = width_bits(shape);
    let mask = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    written.unwrap_or_default().iter().map(|sentinel| sentinel.cast_unsigned() & mask).collect()
}

fn width_bits(shape: Shape) -> u32 {
    match shape {
        Shape::Bit | Shape::RegisterBit(_) => 1,
        Shape::BitField { len, .. } => len.into(),
        Shape::I16
        | Shape::U16
        | Shape::I32
        | Shape::U32
        | Shape::I64
        | Shape::U64
        | Shape::F32
        | Shape::F64
        | Shape::Bcd(_)
        | Shape::Text(_) => u32::from(shape.words()) * 16,
    }
}

/// `40001` and `400001` style: the table's digit, then the number from 1.
fn parse_reference(reference: &str) -> Option<(TableKey, u16)> {
    if !(5..=6).contains(&reference.len()) || !reference.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (digit, number) = reference.split_at_checked(1)?;
    let table = match digit {
        "0" => TableKey::Coil,
        "1" => TableKey::Discrete,
        "3" => TableKey::Input,
        "4" => TableKey::Holding,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some((table, u16::try_from(number.checked_sub(1)?).ok()?))
}

const fn core_table(key: TableKey) -> Table {
    match key {
        TableKey::Coil => Table::Coil,
        TableKey::Discrete => Table::Discrete,
        TableKey::Input => Table::Input,
        TableKey::Holding => Table::Holding,
    }
}

const fn table_name(key: TableKey) -> &'static str {
    match key {
        TableKey::Coil => "coil",
        TableKey::Discrete => "discrete",
        TableKey::Input => "input",
        TableKey::Holding => "holding",
    }
}

const fn type_name(key: TypeKey) -> &'static str {
    match key {
        TypeKey::Bit => "bit",
        TypeKey::I16 => "i16",
        TypeKey::U16 => "u16",
        TypeKey::I32 => "i32",
        TypeKey::U32 => "u32",
        TypeKey::I64 => "i64",
        TypeKey::U64 => "u64",
        TypeKey::F32 => "f32",
        TypeKey::F64 => "f64",
        TypeKey::Bcd => "bcd",
        TypeKey::Text => "text",
    }
}
