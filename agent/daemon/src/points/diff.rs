//! What a table would change in a site file, in words and in deeds.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::{Said, said};
use super::column::{Columns, Home};
use super::edit::SiteText;
use super::kind::Scalar;
use super::table::{Row, Table};

/// A value that changes.
#[derive(Clone, PartialEq, Debug)]
struct Change {
    column: usize,
    old: Option<Scalar>,
    new: Option<Scalar>,
}

/// A device that the site does not have yet.
#[derive(Clone, PartialEq, Debug)]
struct Device {
    id: String,
    keys: Vec<(String, Scalar)>,
}

/// What a table changes.
#[derive(Clone, Default, Debug)]
pub struct Difference {
    added: Vec<(String, Vec<Change>)>,
    changed: Vec<(String, Vec<Change>)>,
    removed: Vec<String>,
    kept: Vec<String>,
    devices: Vec<Device>,
}

impl Difference {
    /// Compares a table with a site; what contradicts the site is noted in the table.
    #[must_use]
    pub fn new(table: &mut Table, site: &SiteText, columns: &Columns) -> Self {
        let mut difference = Self::default();
        let present: BTreeSet<String> = site.tags().into_iter().collect();
        let folded: BTreeMap<String, &String> =
            present.iter().map(|tag| (super::cell::folded(tag), tag)).collect();
        let mut written = BTreeSet::new();
        for row in &mut table.rows {
            if let Some(known) = folded.get(&row.tag) {
                row.tag.clone_from(known);
            }
        }
        for row in table.rows.clone() {
            let known = present.get(&row.tag);
            difference.device(table, &row, (site, columns));
            let changes = changes(table, &row, (site, columns));
            written.insert(row.tag.clone());
            match known {
                None => difference.added.push((row.tag, changes)),
                Some(_) if changes.is_empty() => {}
                Some(_) => difference.changed.push((row.tag, changes)),
            }
        }
        difference.kept = site.tags().into_iter().filter(|tag| !written.contains(tag)).collect();
        difference
    }

    /// Takes away what the table does not have.
    pub fn remove_missing(&mut self) {
        self.removed = std::mem::take(&mut self.kept);
    }

    /// Whether the site stays as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty() && self.devices.is_empty()
    }

    /// Tags that come and tags that go.
    #[must_use]
    pub fn tags(&self) -> (Vec<&str>, Vec<&str>) {
        (
            self.added.iter().map(|(tag, _)| tag.as_str()).collect(),
            self.removed.iter().map(String::as_str).collect(),
        )
    }

    /// Changes the site.
    pub fn apply(&self, site: &mut SiteText, columns: &Columns) {
        for device in &self.devices {
            site.add_device(&device.id, &device.keys);
        }
        for tag in &self.removed {
            site.remove_point(tag);
        }
        for (tag, _) in &self.added {
            site.add_point(tag);
        }
        for (tag, changes) in self.added.iter().chain(&self.changed) {
            for change in changes {
                if let Some(column) = columns.list.get(change.column) {
                    site.set(tag, column, change.new.as_ref());
                }
            }
        }
    }

    /// All changes, a line each.
    #[must_use]
    pub fn said(&self, columns: &Columns) -> Vec<Said> {
        let mut lines = Vec::new();
        for device in &self.devices {
            let id = &device.id;
            let keys: Vec<String> =
                device.keys.iter().map(|(key, value)| format!("{key} {}", value.said().en)).collect();
            let keys = keys.join(", ");
            lines.push(said!("+ 设备 {id}（{keys}）", "+ device {id} ({keys})"));
        }
        for (tag, changes) in &self.added {
            lines.push(said!("+ 新增 {tag}", "+ new {tag}"));
            lines.extend(changes.iter().map(|change| line(change, columns)));
        }
        for (tag, changes) in &self.changed {
            lines.push(said!("~ 修改 {tag}", "~ changed {tag}"));
            lines.extend(changes.iter().map(|change| line(change, columns)));
        }
        lines.extend(self.removed.iter().map(|tag| said!("- 删除 {tag}", "- removed {tag}")));
        let [added, changed, removed, kept] =
            [self.added.len(), self.changed.len(), self.removed.len(), self.kept.len()];
        lines.push(said!(
            "新增 {added} 点，修改 {changed} 点，删除 {removed} 点",
            "points: {added} new, {changed} changed, {removed} removed"
        ));
        if kept > 0 {
            let tags = self.kept.join(", ");
            lines.push(said!(
                "表中没有而保留的 {kept} 点（加 --remove-missing 才删除）：{tags}",
                "not in the table and kept: {kept} (removed only with --remove-missing): {tags}"
            ));
        }
        lines
    }

    /// Notes a row's device that contradicts the site's, and collects one that the site lacks.
    fn device(&mut self, table: &mut Table, row: &Row, (site, columns): (&SiteText, &Columns)) {
        let Some(id) = named_device(row, site, columns) else { return };
        let told = columns.list.iter().enumerate().filter_map(|(at, column)| match &column.home {
            Home::Device(key) => Some((at, key.clone(), row.values.get(&at)?.clone()?)),
            Home::Point(_) | Home::Bound(_) | Home::Alarm(..) => None,
        });
        let told: Vec<(usize, String, Scalar)> = told.collect();
        if let Some(device) = site.device(&id) {
            for (at, key, value) in &told {
                let Some(column) = columns.list.get(*at) else { continue };
                let there = super::edit::device_value(device, key, column);
                if there.as_ref().is_none_or(|there| !there.is_like(value)) {
                    table.note(row, *at, differs(&id, value, there.as_ref()));
                }
            }
            return;
        }
        let keys: Vec<(String, Scalar)> =
            told.iter().map(|(_, key, value)| (key.clone(), value.clone())).collect();
        match self.devices.iter().position(|device| device.id == id) {
            None if keys.iter().any(|(key, _)| key == "bus") => self.devices.push(Device { id, keys }),
            None => {
                let at = columns.of_key("device").unwrap_or_default();
                let said = said!(
                    "站点没有设备 {id}；改正名称，或为新设备写上总线、站号（和模板）",
                    "the site has no device {id}; mend the name, or tell bus and unit address (and template) of a new one"
                );
                table.note(row, at, said);
            }
            Some(first) => {
                let known = self.devices.get(first).map(|device| device.keys.clone()).unwrap_or_default();
                for (at, key, value) in told {
                    let other = known.iter().find(|(other, _)| *other == key).map(|(_, value)| value);
                    if other != Some(&value) {
                        table.note(row, at, differs(&id, &value, other));
                    }
                }
            }
        }
    }
}

fn differs(id: &str, value: &Scalar, there: Option<&Scalar>) -> Said {
    let none = Said { zh: "没有写".to_owned(), en: "nothing".to_owned() };
    let (value, there) = (value.said(), there.map_or(none, Scalar::said));
    Said {
        zh: format!("设备 {id} 是 {}，这里是 {}；改成一致，换设备就写另一个名称", there.zh, value.zh),
        en: format!(
            "device {id} has {}, this row {}; write the same, or another name for another device",
            there.en, value.en
        ),
    }
}

/// The device that a row names, else the one that the site has for the point.
fn named_device(row: &Row, site: &SiteText, columns: &Columns) -> Option<String> {
    let at = columns.of_key("device")?;
    match row.values.get(&at) {
        Some(Some(Scalar::Text(id))) => Some(id.clone()),
        Some(_) => None,
        None => match site.value(&row.tag, columns.list.get(at)?)? {
            Scalar::Text(id) => Some(id),
            _ => None,
        },
    }
}

fn changes(table: &mut Table, row: &Row, (site, columns): (&SiteText, &Columns)) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut ends = [None, None];
    for (at, column) in columns.list.iter().enumerate() {
        let old = site.value(&row.tag, column);
        let new = row.values.get(&at).cloned().unwrap_or_else(|| old.clone());
        if let Home::Bound(end) = column.home {
            ends[end.min(1)].clone_from(&new);
        }
        let same = match (&old, &new) {
            (Some(old), Some(new)) => old.is_like(new),
            (old, new) => old.is_none() && new.is_none(),
        };
        let is_devices = matches!(column.home, Home::Device(_));
        if same || is_devices || at == 0 {
            continue;
        }
        refuse_reference(table, row, (at, &column.key, new.as_ref()));
        changes.push(Change { column: at, old, new });
    }
    if let [Some(_), None] | [None, Some(_)] = ends {
        let missing = if ends[0].is_none() { "range.low" } else { "range.high" };
        let at = columns.of_key(missing).unwrap_or_default();
        table.note(
            row,
            at,
            said!("量程要写两端；补上，或两端都不写", "a range has two ends; write both or neither"),
        );
        changes.retain(|change| {
            columns.list.get(change.column).is_none_or(|c| !matches!(c.home, Home::Bound(_)))
        });
    }
    changes
}

/// 40001 counted from 0 is the register 40000 further on: nobody means it, and nobody would see it.
fn refuse_reference(table: &mut Table, row: &Row, (at, key, new): (usize, &str, Option<&Scalar>)) {
    let (Some(Scalar::Whole(address)), "address") = (new, key) else { return };
    let cell = table.cell_of(row, Some(at));
    let hexadecimal =
        table.sheet.cells.get(&cell).is_some_and(|cell| cell.to_string().contains(['x', 'X', 'ｘ']));
    if !hexadecimal && matches!(address, 10_001..=19_999 | 30_001..=49_999) && table.has(at) {
        let said = said!(
            "{address} 像是引用地址；写到“引用地址”列，确实从 0 数起就写成 0x{address:04X}",
            "{address} looks like a reference; write it under reference, or as 0x{address:04X} if it does count from 0"
        );
        table.note(row, at, said);
    }
}

fn line(change: &Change, columns: &Columns) -> Said {
    let column = columns.list.get(change.column);
    let names = column.map(|column| (column.zh.as_str(), column.en.as_str())).unwrap_or_default();
    let none = || Said { zh: "（不写）".to_owned(), en: "(not written)".to_owned() };
    let new = change.new.as_ref().map_or_else(none, Scalar::said);
    match &change.old {
        None => {
            Said { zh: format!("    {}：{}", names.0, new.zh), en: format!("    {}: {}", names.1, new.en) }
        }
        Some(old) => {
            let old = old.said();
            Said {
                zh: format!("    {}：{} → {}", names.0, old.zh, new.zh),
                en: format!("    {}: {} → {}", names.1, old.en, new.en),
            }
        }
    }
}
