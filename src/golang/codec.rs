//! How the components of Kubernetes take a file of their own apart: as JSON or as YAML.

use super::types::StrictProblem;
use crate::goyaml::{self, Item, Trouble};

/// Input that starts with `{` goes to the JSON decoder alone, everything else through YAML.
///
/// # Errors
/// When the decoder refuses the text, or when it is more than is read here.
pub fn load(bytes: &[u8]) -> Result<(Item, Vec<StrictProblem>), Trouble> {
    if starts_as_json(bytes) {
        let root = goyaml::parse_json(bytes).map_err(|mut trouble| {
            if !trouble.budget {
                trouble.message = format!(
                    "couldn't get version/kind; json parse error: {}",
                    trouble.message
                );
            }
            trouble
        })?;
        return Ok((root, Vec::new()));
    }
    let loaded = goyaml::load(bytes)?;
    let problem = |doubled: goyaml::Doubled| StrictProblem {
        path: doubled.path,
        line: doubled.line,
        doubled: true,
    };
    let doubled = loaded.doubled.into_iter().map(problem).collect();
    Ok((loaded.root, doubled))
}

/// Go trims Unicode's white space, of which a byte order mark is no part.
fn starts_as_json(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    };
    text.trim_start().starts_with('{')
}
