//! QMP, QEMU's way to be told things: a JSON object a line (docs/interop/qmp-spec).

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// No command of ours takes long. A machine under load answers late.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a QEMU.
#[derive(Debug)]
pub struct Qmp(Mutex<BufReader<UnixStream>>);

impl Qmp {
    /// Gets ready on a new connection.
    ///
    /// # Errors
    /// When it is none to a QEMU.
    pub fn open(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        let mut greeting = String::new();
        reader.read_line(&mut greeting).context("QEMU does not greet")?;
        let qmp = Self(Mutex::new(reader));
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Lets QEMU do something; the result is what it answers.
    ///
    /// # Errors
    /// When QEMU refuses, or does not answer in time.
    pub fn execute(&self, command: &str, arguments: Value) -> Result<Value> {
        let mut stream = self.0.lock().ok().context("BUG: QMP was left in the middle")?;
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(stream.get_mut(), "{request}").with_context(|| format!("cannot tell QEMU to {command}"))?;
        loop {
            let mut line = String::new();
            let length = stream.read_line(&mut line).with_context(|| format!("no answer to {command}"))?;
            if length == 0 {
                bail!("QEMU has closed the connection before it answered to {command}");
            }
            if let Some(answer) = answer(&line).with_context(|| format!("cannot {command}"))? {
                return Ok(answer);
            }
        }
    }
}

/// What a line answers; none if it tells of an event.
fn answer(line: &str) -> Result<Option<Value>> {
    let mut line: Value = serde_json::from_str(line).context("QEMU does not speak JSON")?;
    if let Some(description) = line.pointer("/error/desc") {
        bail!("QEMU says: {}", description.as_str().unwrap_or_default());
    }
    Ok(line.get_mut("return").map(Value::take))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Qmp, answer};
    use serde_json::json;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_line_is_an_answer_an_event_or_a_refusal() {
        let event = r#"{"timestamp": {"seconds": 1}, "event": "STOP"}"#;
        assert_eq!(answer(event).unwrap(), None);
        assert_eq!(answer(r#"{"return": {"running": true}}"#).unwrap(), Some(json!({ "running": true })));
        let refusal = r#"{"error": {"class": "GenericError", "desc": "no such node"}}"#;
        assert_eq!(answer(refusal).unwrap_err().to_string(), "QEMU says: no such node");
    }

    #[test]
    fn events_before_an_answer_are_passed_over() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let qemu = std::thread::spawn(move || {
            let mut lines = BufReader::new(theirs.try_clone().unwrap()).lines();
            let say = |text: &str| (&theirs).write_all(text.as_bytes()).unwrap();
            say("{\"QMP\": {}}\n");
            let asked = lines.next().unwrap().unwrap();
            say("{\"return\": {}}\n");
            let then = lines.next().unwrap().unwrap();
            say("{\"event\": \"STOP\"}\n{\"return\": 7}\n");
            (asked, then)
        });
        let qmp = Qmp::open(ours).unwrap();
        assert_eq!(qmp.execute("stop", json!({})).unwrap(), json!(7));
        let (asked, then) = qemu.join().unwrap();
        assert_eq!(asked, r#"{"arguments":{},"execute":"qmp_capabilities"}"#);
        assert_eq!(then, r#"{"arguments":{},"execute":"stop"}"#);
    }
}
