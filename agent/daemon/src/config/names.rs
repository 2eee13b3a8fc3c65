//! The names of one kind of thing: who has which, ignoring case, and what a wrong name was probably meant to be.

use std::collections::HashMap;

use super::check::instead;
use super::error::{Arg, Spot};

/// A wrong name is compared with so many.
const COMPARED_MAX: usize = 1_000;

/// Names in the order of the file. A name whose thing is faulty is kept without an index, so that nothing complains twice.
#[derive(Default)]
pub(crate) struct Names {
    known: HashMap<String, (Spot, Option<usize>)>,
    shown: Vec<String>,
}

/// What a name stands for.
pub(crate) enum Found {
    /// The thing at this index.
    At(usize),
    /// A thing whose own faults are reported elsewhere.
    Faulty,
    /// Nothing; write this.
    Unknown(Arg),
}

impl Names {
    /// Takes a name.
    ///
    /// # Errors
    /// The place where it is taken already.
    pub(crate) fn claim(&mut self, name: &str, spot: Spot) -> Result<(), Spot> {
        let key = name.to_lowercase();
        if let Some((first, _)) = self.known.get(&key) {
            return Err(*first);
        }
        self.known.insert(key, (spot, None));
        self.shown.push(name.to_owned());
        Ok(())
    }

    /// Says where the thing of a name that was taken went.
    pub(crate) fn settle(&mut self, name: &str, index: usize) {
        if let Some((_, at)) = self.known.get_mut(&name.to_lowercase()) {
            at.get_or_insert(index);
        }
    }

    /// Looks a name up.
    pub(crate) fn find(&self, name: &str) -> Found {
        match self.known.get(&name.to_lowercase()) {
            Some((_, Some(index))) => Found::At(*index),
            Some((_, None)) => Found::Faulty,
            None => {
                // Comparing with every name of a huge site for each wrong one would take minutes.
                let shown: Vec<&str> = self.shown.iter().take(COMPARED_MAX).map(String::as_str).collect();
                Found::Unknown(instead(name, &shown))
            }
        }
    }
}
