//! What a function's instructions (Thumb-2, ARM DDI 0403) do to the stack, and whom they call.

/// What the instructions of one function add up to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effect {
    /// Bytes that it takes from the stack, all its prologues added up: never less than what it takes at once.
    pub frame: u32,
    /// Where its calls lead.
    pub calls: Vec<u32>,
    /// Where its branches lead, its own labels included.
    pub jumps: Vec<u32>,
    /// It calls through a pointer.
    pub indirect: bool,
    /// It takes stack by an amount that is not written in the instruction.
    pub unbounded: bool,
}

/// Reads the instructions of `code`, which begins at `address`; `is_code` is false for the constants between them.
#[must_use]
pub fn effect(code: &[u8], address: u32, is_code: impl Fn(u32) -> bool) -> Effect {
    let halves: Vec<u16> = code.as_chunks().0.iter().map(|half| u16::from_le_bytes(*half)).collect();
    let mut effect = Effect::default();
    let mut at = 0;
    while let Some(&first) = halves.get(at) {
        let here = address + 2 * at as u32;
        if !is_code(here) {
            at += 1;
        } else if first >> 11 >= 0b11101 {
            effect.add_long(first, halves.get(at + 1).copied().unwrap_or(0), here);
            at += 2;
        } else {
            effect.add_short(first, here);
            at += 1;
        }
    }
    effect
}

impl Effect {
    fn add_short(&mut self, word: u16, here: u32) {
        let [top, low] = word.to_be_bytes();
        match word {
            0xB400..=0xB5FF => self.frame += 4 * (u32::from(low).count_ones() + u32::from(top & 1)),
            0xB080..=0xB0FF => self.frame += 4 * u32::from(low & 0x7F),
            0x4780..=0x47FF => self.indirect = true,
            // `bx lr` is the return.
            0x4700..=0x477F => self.indirect |= word != 0x4770,
            0xD000..=0xDDFF => self.branch(here, signed(u32::from(low) << 1, 9)),
            0xE000..=0xE7FF => self.branch(here, signed(u32::from(word & 0x7FF) << 1, 12)),
            _ => {}
        }
    }

    fn add_long(&mut self, first: u16, second: u16, here: u32) {
        let (high, low) = (u32::from(first), u32::from(second));
        let to_stack_pointer = low & 0x0F00 == 0x0D00;
        match first {
            0xE92D => self.frame += 4 * low.count_ones(),
            // strd and str with the stack pointer moved first.
            0xE96D => self.frame += 4 * (low & 0xFF),
            0xF84D if to_stack_pointer => self.frame += low & 0xFF,
            0xED2D | 0xED6D => self.frame += 4 * (low & 0xFF),
            0xF1AD | 0xF5AD if to_stack_pointer && low & 0x8000 == 0 => {
                self.frame += expanded((high >> 10 & 1) << 11 | (low >> 12 & 7) << 8 | low & 0xFF);
            }
            0xF2AD | 0xF6AD if to_stack_pointer && low & 0x8000 == 0 => {
                self.frame += (high >> 10 & 1) << 11 | (low >> 12 & 7) << 8 | low & 0xFF;
            }
            0xEBAD if to_stack_pointer => self.unbounded = true,
            0xF000..=0xF7FF if low & 0x8000 != 0 => self.long_branch(high, low, here),
            // A load of the program counter that is no return from the stack.
            0xF850..=0xF85F | 0xF8D0..=0xF8DF if low >> 12 == 0xF && first & 0xF != 0xD => {
                self.indirect = true
            }
            _ => {}
        }
    }

    fn long_branch(&mut self, high: u32, low: u32, here: u32) {
        let sign = high >> 10 & 1;
        let (j1, j2) = (low >> 13 & 1, low >> 11 & 1);
        if low & 0x1000 != 0 {
            let (i1, i2) = (1 ^ j1 ^ sign, 1 ^ j2 ^ sign);
            let offset = sign << 24 | i1 << 23 | i2 << 22 | (high & 0x3FF) << 12 | (low & 0x7FF) << 1;
            let target = here.wrapping_add(4).wrapping_add_signed(signed(offset, 25));
            if low & 0x4000 == 0 { self.jumps.push(target) } else { self.calls.push(target) }
        } else if low & 0x5000 == 0 && high >> 7 & 7 != 7 {
            let offset = sign << 20 | j2 << 19 | j1 << 18 | (high & 0x3F) << 12 | (low & 0x7FF) << 1;
            self.branch(here, signed(offset, 21));
        }
    }

    fn branch(&mut self, here: u32, offset: i32) {
        self.jumps.push(here.wrapping_add(4).wrapping_add_signed(offset));
    }
}

const fn signed(word: u32, bits: u32) -> i32 {
    let unused = 32 - bits;
    (word << unused).cast_signed() >> unused
}

/// A modified immediate constant (A5.3.2).
const fn expanded(code: u32) -> u32 {
    let byte = code & 0xFF;
    match code >> 8 {
        0 => byte,
        1 => byte << 16 | byte,
        2 => byte << 24 | byte << 8,
        3 => byte << 24 | byte << 16 | byte << 8 | byte,
        _ => (0x80 | code & 0x7F).rotate_right(code >> 7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(halves: &[u16]) -> Effect {
        let code: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        effect(&code, 0x1000, |_| true)
    }

    #[test]
    fn every_way_to_take_stack_is_counted() {
        for (halves, bytes, text) in [
            (&[0xB5F0][..], 20, "push {r4-r7, lr}"),
            (&[0xB081], 4, "sub sp, #4"),
            (&[0xE92D, 0x4FF0], 36, "push.w {r4-r11, lr}"),
            (&[0xF84D, 0x8D04], 4, "str r8, [sp, #-4]!"),
            (&[0xE96D, 0x4502], 8, "strd r4, r5, [sp, #-8]!"),
            (&[0xED2D, 0x8B04], 16, "vpush {d8, d9}"),
            (&[0xF5AD, 0x7D02], 520, "sub.w sp, sp, #520"),
            (&[0xF2AD, 0x4D0C], 1036, "subw sp, sp, #1036"),
            (&[0x4770, 0xBF00], 0, "bx lr; nop"),
        ] {
            let effect = of(halves);
            assert_eq!((effect.frame, effect.unbounded, effect.indirect), (bytes, false, false), "{text}");
        }
        assert!(of(&[0xEBAD, 0x0D04]).unbounded, "sub.w sp, sp, r4");
        assert!(of(&[0x4798]).indirect, "blx r3");
    }

    #[test]
    fn branches_and_calls_lead_where_the_manual_says() {
        for (halves, target, text) in [
            (&[0xF000, 0xF800][..], 0x1004, "bl .+4"),
            (&[0xF7FF, 0xFFFE], 0x1000, "bl ."),
            (&[0xE7FE], 0x1000, "b ."),
            (&[0xD0FE], 0x1000, "beq ."),
            (&[0xF001, 0xB800], 0x2004, "b.w .+4100"),
            (&[0xF000, 0x8001], 0x1006, "beq.w .+6"),
        ] {
            let effect = of(halves);
            let (led, other) = if text.starts_with("bl") {
                (effect.calls, effect.jumps)
            } else {
                (effect.jumps, effect.calls)
            };
            assert_eq!((led, other), (vec![target], vec![]), "{text}");
        }
    }

    #[test]
    fn constants_between_instructions_are_none() {
        let code = [0xF0, 0xB5, 0xF0, 0xB5];
        assert_eq!(effect(&code, 0, |at| at < 2).frame, 20);
    }
}
