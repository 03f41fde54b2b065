//! Where the flags of a container stand: in `command`, in `args`, or in both, one behind the other.

use crate::discover::flags::{self, Flag, Given};
use crate::edit::{Alteration, Scalar, Step, Tree};
use crate::yaml::Node;

/// The names of the program; the second is hyperkube's.
const PROGRAMS: &[&str] = &["kube-apiserver", "apiserver"];

/// The words of both lists, and where the program's arguments begin.
pub(super) struct Command {
    /// Each word, with its list and its position there.
    words: Vec<(String, &'static str, usize)>,
    start: usize,
    /// The list that takes more flags.
    list: &'static str,
}

impl Command {
    /// Reads them, and makes sure that they are what was judged.
    ///
    /// # Errors
    /// What is not understood.
    pub(super) fn read(container: &Node, judged: &[Flag]) -> Result<Command, String> {
        let mut words = Vec::new();
        let mut list = "command";
        for name in ["command", "args"] {
            for (index, item) in container
                .get(name)
                .map_or(&[][..], Node::items)
                .iter()
                .enumerate()
            {
                let text = item.text().ok_or("its command holds what is no text")?;
                words.push((text.to_string(), name, index));
                list = name;
            }
        }
        let texts: Vec<String> = words.iter().map(|(text, ..)| text.clone()).collect();
        let named = |word: &str| {
            let name = word.rsplit('/').next().unwrap_or_default();
            PROGRAMS.contains(&name)
        };
        // A shell's script is one word, and what stands behind it is not the program's.
        let shell = |word: &str| word.ends_with("sh");
        let start = (1..=texts.len()).find(|start| {
            let (before, behind) = texts.split_at(*start);
            let same = |given: &[Given]| {
                let names = given.iter().map(|given| &given.name);
                names.eq(judged.iter().map(|flag| &flag.name))
            };
            before.last().is_some_and(|word| named(word))
                && !before.iter().any(|word| shell(word))
                && same(&flags::given(behind))
        });
        let start = start.ok_or("its command does not start kube-apiserver by itself")?;
        if texts.iter().skip(start).any(|word| word == "--") {
            return Err("its command holds --, behind which nothing is a flag".into());
        }
        Ok(Command { words, start, list })
    }

    /// Sets flags: in place where they are given, else behind the last word.
    ///
    /// # Errors
    /// When one is given where nothing can be set.
    pub(super) fn set(
        &self,
        container: &[Step],
        flags: &[super::Flag],
    ) -> Result<Vec<Alteration>, String> {
        let at = |list: &str, index: Option<usize>| {
            let mut path = container.to_vec();
            path.push(Step::Key(list.into()));
            path.extend(index.map(Step::Index));
            path
        };
        let words = self.words.get(self.start..).unwrap_or_default();
        let texts: Vec<String> = words.iter().map(|(text, ..)| text.clone()).collect();
        let given = flags::given(&texts);
        let (mut alterations, mut new) = (Vec::new(), Vec::new());
        for (name, value) in flags {
            let Some(there) = given.iter().rev().find(|given| given.name == *name) else {
                new.push(Tree::text(format!("--{name}={value}")));
                continue;
            };
            let (text, place) = match there.words.len() {
                1 => (format!("--{name}={value}"), there.words.start),
                _ => (value.clone(), there.words.end - 1),
            };
            let (_, list, index) = words.get(place).ok_or("its command is not understood")?;
            alterations.push(Alteration::set(at(list, Some(*index)), Scalar::Text(text)));
        }
        if !new.is_empty() {
            alterations.push(Alteration::insert(at(self.list, None), None, new));
        }
        Ok(alterations)
    }
}
