//! A relay behind an output pin, on the node and on the gateway alike.

use embedded_hal::digital::{OutputPin, PinState};
use hazard_field::Polarity;

/// A relay whose coil is energised while its pin is high.
#[derive(Debug)]
pub struct Relay<P> {
    pin: P,
    polarity: Polarity,
}

impl<P: OutputPin> Relay<P> {
    /// Takes the pin as it is: the first [`Self::set`] drives it.
    pub const fn new(pin: P, polarity: Polarity) -> Self {
        Self { pin, polarity }
    }

    /// Drives the pin so that the relay is active or inactive. The pin's error is the caller's alarm.
    pub fn set(&mut self, active: bool) -> Result<(), P::Error> {
        self.pin.set_state(PinState::from(self.polarity.energised(active)))
    }

    /// Gives the pin back in its present state.
    pub fn release(self) -> P {
        self.pin
    }
}

#[cfg(test)]
mod tests {
    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

    use super::*;

    fn levels(polarity: Polarity, expected: [State; 2]) {
        let mut relay = Relay::new(Mock::new(&expected.map(Transaction::set)), polarity);
        for active in [true, false] {
            assert_eq!(relay.set(active), Ok(()));
        }
        relay.release().done();
    }

    #[test]
    fn a_relay_that_energises_to_alarm_is_high_while_active() {
        levels(Polarity::EnergiseToAlarm, [State::High, State::Low]);
    }

    #[test]
    fn a_relay_that_de_energises_to_alarm_is_low_while_active() {
        levels(Polarity::DeEnergiseToAlarm, [State::Low, State::High]);
    }

    #[test]
    fn a_pin_that_cannot_be_driven_is_told() {
        let error = MockError::Io(std::io::ErrorKind::NotConnected);
        let pin = Mock::new(&[Transaction::set(State::High).with_error(error.clone())]);
        let mut relay = Relay::new(pin, Polarity::EnergiseToAlarm);
        assert_eq!(relay.set(true), Err(error));
        relay.release().done();
    }
}
