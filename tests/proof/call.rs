//! One line of what strace writes.

/// One system call of a trace.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    /// Its arguments and result, as strace writes them.
    pub text: String,
    /// How often this name came before, plus one.
    pub number: usize,
}

impl std::fmt::Display for Call {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} number {}", self.name, self.number)
    }
}

impl Call {
    /// One line of a trace, after the process that made the call.
    pub fn parse(line: &str) -> Option<Call> {
        let (_, rest) = line.split_once(' ')?;
        let (name, text) = rest.trim_start().split_once('(')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        name.bytes().all(is_name).then(|| Call {
            name: name.into(),
            text: text.into(),
            number: 0,
        })
    }
}

/// Numbers each call among those of its name, as strace counts them.
pub fn numbered(mut calls: Vec<Call>) -> Vec<Call> {
    let mut seen = std::collections::BTreeMap::new();
    for call in &mut calls {
        let count: &mut usize = seen.entry(call.name.clone()).or_default();
        *count += 1;
        call.number = *count;
    }
    calls
}
