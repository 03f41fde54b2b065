//! What the logging API refuses: component-base's logs/api/v1. It is judged before everything else.

use super::held::{Held, Slots};
use super::validate::{Fault, Judge};
use crate::golang::text::quoted;

/// The logging block.
pub(super) fn validate(slots: &Slots) -> Vec<Fault> {
    let mut judge = Judge {
        slots,
        faults: Vec::new(),
    };
    judge.logging();
    judge.faults
}

impl Judge<'_> {
    fn logging(&mut self) {
        let slots = self.slots;
        let format = slots.text("logging.format");
        if !matches!(format, "text" | "json") {
            let shown = quoted(format);
            self.log_fault("logging.format", "format", &shown, "Unsupported log format");
        }
        let limit = i64::from(i32::MAX);
        if slots
            .number("logging.verbosity")
            .is_some_and(|level| level > limit)
        {
            let shown = self.shown("logging.verbosity");
            let why = format!("Must be <= {limit}");
            self.log_fault("logging.verbosity", "verbosity", &shown, &why);
        }
        if let Some(Held::Modules(modules)) = slots.slot("logging.vmodule").map(|slot| &slot.held) {
            if !modules.is_empty() && format != "text" {
                self.forbidden(
                    "logging.vmodule",
                    "vmodule",
                    "Only supported for text log format",
                );
            }
            for (index, (pattern, level)) in modules.iter().enumerate() {
                let path = format!("vmodule[{index}]");
                if pattern.is_empty() {
                    self.faults.push(Fault {
                        message: format!(
                            "logging.{path}: Required value: File pattern must not be empty"
                        ),
                        field: "logging.vmodule",
                    });
                }
                if pattern.contains(['=', ',']) {
                    let why = "File pattern must not contain equal sign or comma";
                    self.log_fault("logging.vmodule", &path, &quoted(pattern), why);
                }
                if *level > limit {
                    let why = format!("Must be <= {limit}");
                    self.log_fault("logging.vmodule", &path, &level.to_string(), &why);
                }
            }
        }
        if self.alpha_logging() {
            return;
        }
        let disabled = "Feature LoggingAlphaOptions is disabled";
        for (split, buffer) in [
            (
                "logging.options.text.splitStream",
                "logging.options.text.infoBufferSize",
            ),
            (
                "logging.options.json.splitStream",
                "logging.options.json.infoBufferSize",
            ),
        ] {
            if slots.flag(split) {
                self.forbidden(split, split.trim_start_matches("logging."), disabled);
            }
            // A quantity is nothing when its digits, the exponent's apart, are all zero.
            let number = slots
                .text(buffer)
                .trim()
                .split(['e', 'E'])
                .next()
                .unwrap_or_default();
            if number.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
                self.forbidden(buffer, buffer.trim_start_matches("logging."), disabled);
            }
        }
    }

    /// Whether the gate for alpha options is open: by its own name, else by `AllAlpha`.
    fn alpha_logging(&self) -> bool {
        let Some(Held::Flags(Some(gates))) = self.slots.slot("featureGates").map(|slot| &slot.held)
        else {
            return false;
        };
        let gate = |name: &str| {
            gates
                .iter()
                .find(|(gate, _)| gate == name)
                .map(|(_, on)| *on)
        };
        gate("LoggingAlphaOptions")
            .or_else(|| gate("AllAlpha"))
            .unwrap_or(false)
    }

    fn log_fault(&mut self, field: &'static str, path: &str, value: &str, why: &str) {
        self.faults.push(Fault {
            message: format!("logging.{path}: Invalid value: {value}: {why}"),
            field,
        });
    }

    fn forbidden(&mut self, field: &'static str, path: &str, why: &str) {
        self.faults.push(Fault {
            message: format!("logging.{path}: Forbidden: {why}"),
            field,
        });
    }
}
