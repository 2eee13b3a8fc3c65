//! What the adapter makes of bytes that somebody has kept: no line, no time. The same library and the same checks as on a line,
//! for tests that feed them what no line would bring in years.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use hazard_core::link::{Exception, LinkFault, ReadRequest, ReadResult};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_modbus::Slave;
use tokio_modbus::client::{Client, rtu};

use super::ask::Ask;
use super::rtu::judge;

/// The answer to a request on a serial line on which this was heard behind it, and then nothing more.
///
/// # Errors
///
/// As [`super::Link::read`].
pub fn replay(request: &ReadRequest, heard: &[u8]) -> ReadResult {
    if !request.is_lawful() {
        return Err(LinkFault::Refused(Exception::IllegalValue));
    }
    let kept = Kept { bytes: heard.to_vec(), at: 0 };
    let mut client: Box<dyn Client> = rtu::attach_slave(kept, Slave(request.unit)).into();
    // Nothing here waits: what is not there at once never comes.
    let polled = pin!(client.call(request.request())).poll(&mut Context::from_waker(Waker::noop()));
    let outcome = match polled {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    };
    judge(request, outcome, heard.len() as u64)
}

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    at: usize,
}

impl AsyncRead for Kept {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = &rest[..rest.len().min(buffer.remaining())];
        if taken.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(taken);
        self.at += taken.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Kept {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use hazard_core::link::{Table, Words};

    use super::*;

    #[test]
    fn kept_bytes_are_judged_as_on_a_line() {
        let read = ReadRequest { unit: 1, table: Table::Holding, start: 0, count: 1 };
        let answer = [1, 3, 2, 0, 5, 0x78, 0x47];
        assert_eq!(replay(&read, &answer), Ok(Words::Registers(vec![5])));
        assert_eq!(replay(&read, &[]), Err(LinkFault::Silent));
        assert_eq!(replay(&read, &answer[..6]), Err(LinkFault::Garbled));
        assert_eq!(replay(&ReadRequest { unit: 2, ..read }, &answer), Err(LinkFault::Garbled));
        assert_eq!(
            replay(&ReadRequest { count: 0, ..read }, &answer),
            Err(LinkFault::Refused(Exception::IllegalValue))
        );
    }
}
