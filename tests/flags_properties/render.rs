//! The files of a case.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::model::{BOOLEAN, Case, Form, Oddity, Spelling};

pub const UNIT: &str = "etc/systemd/system/kube-proxy.service";
pub const ARGS: &str = "var/snap/microk8s/77/args/kube-proxy";
pub const K3S: &str = "etc/rancher/k3s/config.yaml";
pub const K3S_MORE: &str = "etc/rancher/k3s/config.yaml.d/50-more.yaml";
pub const POD: &str = "etc/kubernetes/manifests/kube-proxy.yaml";
/// The variables of a unit, and the file of one of them.
pub const ENVIRONMENT: &str = "etc/kubernetes/proxy";

fn write(node: &Path, path: &str, text: &str) {
    let path = node.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub fn lay_out(node: &Path, case: &Case) {
    match case.form {
        Form::Unit => unit(node, case),
        Form::Lines => lines(node, case),
        Form::K3s => k3s(node, case),
        Form::Manifest => manifest(node, case),
    }
}

/// The words of one flag.
fn words(name: &str, value: &str, spelling: Spelling) -> Vec<String> {
    let alone = BOOLEAN.contains(&name);
    let dashes = if name == "v" { "-" } else { "--" };
    match spelling {
        Spelling::Apart if !alone => vec![format!("{dashes}{name}"), value.into()],
        Spelling::Joined if alone && value == "true" => vec![format!("--{name}")],
        Spelling::Underscored => vec![format!("--{}={value}", name.replace('-', "_"))],
        _ => vec![format!("--{name}={value}")],
    }
}

fn unit(node: &Path, case: &Case) {
    let oddity = case.oddity;
    let mark = match oddity {
        Oddity::Prefix => ["-", "+", "!!"][case.choice(1, 3) as usize],
        Oddity::NamesItself => "@",
        _ => "",
    };
    let mut command = vec![format!("{mark}/usr/bin/kube-proxy")];
    match oddity {
        Oddity::NamesItself => command.push("kube-proxy".into()),
        Oddity::ThroughNice => {
            command.splice(0..0, ["/usr/bin/nice", "-n", "5", "--"].map(String::from));
        }
        _ => {}
    }
    let mut variable = Vec::new();
    for (name, value, spelling) in &case.flags {
        let written = words(name, value, *spelling);
        match spelling {
            Spelling::Elsewhere => variable.extend(written),
            Spelling::Quoted => {
                let quote = ["\"", "'"][case.choice(2, 2) as usize];
                command.extend(written.iter().map(|word| format!("{quote}{word}{quote}")));
            }
            _ => command.extend(written),
        }
    }
    if !variable.is_empty() {
        command.push("$MORE_ARGS".into());
    }
    match oddity {
        Oddity::Specifier => command.push("--x=%i".into()),
        Oddity::Backslash => command.push("--x=a\\x20b".into()),
        Oddity::EndOfFlags => command.push("--".into()),
        Oddity::Dangling => command.push("--nonesuch".into()),
        Oddity::Secret => command.push("--token=hunter2".into()),
        _ => {}
    }
    let between = [" ", "  ", " \\\n  ", "\t"][case.choice(3, 4) as usize];
    let mut exec = command.join(between);
    if oddity == Oddity::Shell {
        exec = format!(
            "/bin/sh -c \"exec {}\"",
            command.join(" ").replace('"', "'")
        );
    }
    let mut service = String::from("[Unit]\nDescription=x\n\n[Service]\n");
    if !variable.is_empty() {
        let value = variable.join(" ");
        match case.choice(4, 3) {
            0 => {
                let _ = writeln!(service, "Environment=\"MORE_ARGS={value}\"");
            }
            1 => {
                service.push_str("EnvironmentFile=-/etc/kubernetes/proxy\n");
                write(node, ENVIRONMENT, &format!("# x\nMORE_ARGS=\"{value}\"\n"));
            }
            _ => {
                service.push_str("EnvironmentFile=/etc/kubernetes/proxy\n");
                write(node, ENVIRONMENT, &format!("MORE_ARGS={value}\n"));
            }
        }
    }
    if oddity == Oddity::TwoCommands {
        service.push_str("Type=oneshot\nExecStart=/bin/true\n");
    }
    let drop_in = match oddity {
        Oddity::LaterDropIn => Some("override.conf"),
        Oddity::LastDropIn => Some("zzz.conf"),
        Oddity::EarlierDropIn => Some("10-x.conf"),
        _ => None,
    };
    match drop_in {
        Some(name) => {
            service.push_str("ExecStart=/usr/bin/kube-proxy --v=9 --config=/nonesuch\n");
            let text = format!("[Service]\nExecStart=\nExecStart={exec}\n");
            write(node, &format!("{UNIT}.d/{name}"), &text);
        }
        None => {
            let _ = writeln!(service, "ExecStart={exec}");
        }
    }
    service.push_str("Restart=on-failure\n");
    if oddity == Oddity::Crlf {
        service = service.replace('\n', "\r\n");
    }
    let path = match oddity {
        Oddity::Generated => "run/systemd/generator/kube-proxy.service",
        _ => UNIT,
    };
    write(node, path, &service);
}

fn lines(node: &Path, case: &Case) {
    let mut text = String::new();
    let mut push = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for (place, (name, value, spelling)) in (10..).zip(&case.flags) {
        if case.oddity == Oddity::Comments {
            push("# a comment with --profiling=true");
            push("");
        }
        let written = words(name, value, *spelling);
        let line = match spelling {
            Spelling::Quoted => match case.choice(place, 2) {
                0 => format!("--{name}=\"{value}\""),
                _ => format!("'{}'", written.join(" ")),
            },
            Spelling::Apart if case.choice(place, 2) == 0 => written.join("\n"),
            Spelling::Elsewhere => format!("{} --x=${{SNAP_DATA}}/x", written.join(" ")),
            _ => written.join(" "),
        };
        push(&line);
    }
    match case.oddity {
        Oddity::EndOfFlags => push("--"),
        Oddity::Dangling => push("--nonesuch"),
        Oddity::Specifier => push("--x=$UNKNOWN"),
        Oddity::NoLastNewline => text.truncate(text.trim_end_matches('\n').len()),
        Oddity::Crlf => text = text.replace('\n', "\r\n"),
        _ => {}
    }
    write(node, ARGS, &text);
    std::os::unix::fs::symlink("77", node.join("var/snap/microk8s/current")).unwrap();
}

fn k3s(node: &Path, case: &Case) {
    write(
        node,
        "etc/systemd/system/k3s.service",
        "[Service]\nExecStart=/usr/local/bin/k3s server\n",
    );
    if case.oddity == Oddity::NoFile {
        return;
    }
    let item = |(name, value, spelling): &(&str, &str, Spelling)| {
        let word = words(name, value, *spelling).remove(0);
        let word = word.trim_start_matches('-');
        let word = match (*name, word) {
            // Without a value the agent takes it for true.
            (_, word) if word.contains('=') || *value == "true" => word.to_string(),
            _ => format!("{name}={value}"),
        };
        match spelling {
            Spelling::Quoted => format!("\"{word}\""),
            Spelling::Underscored => format!("'--{word}'"),
            // Plain, it would be a key.
            _ if word.ends_with(':') => format!("\"{word}\""),
            _ => word,
        }
    };
    let here = |elsewhere: bool| -> Vec<String> {
        let flags = case.flags.iter();
        let flags = flags.filter(|(.., spelling)| (*spelling == Spelling::Elsewhere) == elsewhere);
        flags.map(item).collect()
    };
    let (here, more) = (here(false), here(true));
    let mut text = String::from("# k3s\ntoken: geheim\n");
    match (here.as_slice(), case.choice(5, 3)) {
        ([], _) => {}
        ([one], _) if case.oddity == Oddity::Scalar => {
            let _ = writeln!(text, "kube-proxy-arg: {one} # one");
        }
        (_, 0) => {
            let items: Vec<String> = here
                .iter()
                .map(|item| match item.starts_with(['"', '\'']) {
                    true => item.clone(),
                    false => format!("'{item}'"),
                })
                .collect();
            let _ = writeln!(text, "kube-proxy-arg: [{}]", items.join(", "));
        }
        (_, indent) => {
            text.push_str("kube-proxy-arg:\n");
            for item in &here {
                let blanks = if indent == 1 { "" } else { "  " };
                let _ = writeln!(text, "{blanks}- {item} # x");
            }
        }
    }
    text.push_str("disable: traefik\n");
    match case.oddity {
        Oddity::NoLastNewline => text.truncate(text.len() - 1),
        Oddity::Crlf => text = text.replace('\n', "\r\n"),
        Oddity::Backslash => text.push_str("x: &a [b]\n"),
        _ => {}
    }
    write(node, K3S, &text);
    if !more.is_empty() {
        let key = if here.is_empty() {
            "kube-proxy-arg"
        } else {
            "kube-proxy-arg+"
        };
        let items: String = more.iter().map(|item| format!("- {item}\n")).collect();
        write(node, K3S_MORE, &format!("{key}:\n{items}"));
    }
}

fn manifest(node: &Path, case: &Case) {
    let mut command = vec!["kube-proxy".to_string()];
    for (number, (name, value, spelling)) in case.flags.iter().enumerate() {
        match spelling {
            Spelling::Elsewhere => command.push(format!("--{name}=$(VALUE_{number})")),
            _ => command.extend(words(name, value, *spelling)),
        }
    }
    match case.oddity {
        Oddity::EndOfFlags => command.push("--".into()),
        Oddity::Dangling => command.push("--nonesuch".into()),
        Oddity::Shell => {
            command = vec!["/bin/sh".into(), "-c".into(), command.join(" ")];
        }
        _ => {}
    }
    let quote = |word: &String| match case.choice(6, 2) {
        0 => format!("\"{word}\""),
        _ => format!("'{word}'"),
    };
    let list = |words: &[String]| -> String {
        match case.choice(7, 2) {
            0 => {
                let words: Vec<String> = words.iter().map(quote).collect();
                format!(" [{}]\n", words.join(", "))
            }
            _ => {
                let lines = words.iter().map(|word| format!("    - {}\n", quote(word)));
                format!("\n{}", lines.collect::<String>())
            }
        }
    };
    let (command, arguments) = match case.choice(8, 2) {
        0 if command.len() > 1 => command.split_at(1),
        _ => (command.as_slice(), &[][..]),
    };
    let mut text = String::from(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-proxy\nspec:\n  containers:\n  - name: other\n    command: [sleep]\n  - name: kube-proxy\n",
    );
    let _ = write!(text, "    command:{}", list(command));
    if !arguments.is_empty() {
        let _ = write!(text, "    args:{}", list(arguments));
    }
    text.push_str("    env:\n");
    for (number, (_, value, spelling)) in case.flags.iter().enumerate() {
        if *spelling == Spelling::Elsewhere {
            let _ = writeln!(text, "    - name: VALUE_{number}");
            let _ = writeln!(text, "      value: \"{value}\"");
        }
    }
    text.push_str("    - name: LAST\n      value: x\n  hostNetwork: true\n");
    match case.oddity {
        Oddity::NoLastNewline => text.truncate(text.len() - 1),
        Oddity::Crlf => text = text.replace('\n', "\r\n"),
        _ => {}
    }
    write(node, POD, &text);
}
