//! What Ansible's own tools say of the collection.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::play::{ansible, project};
use crate::support::skipped;

/// The collection without binaries: what reads every module as Python cannot read those.
///
/// Outside of the checkout: ansible-test asks git which files there are, and git passes over the target
/// directory.
fn laid_out() -> (tempfile::TempDir, PathBuf) {
    let base = tempfile::tempdir().unwrap();
    let mut build = Command::new(project("ansible/build.sh"));
    let built = build.arg("--lay-out").arg(base.path()).output().unwrap();
    assert!(built.status.success(), "{built:?}");
    let collection = base.path().join("ansible_collections/tighten/kube_proxy");
    (base, collection)
}

#[test]
fn ansible_lint_finds_nothing_in_its_production_profile() {
    let Some(ansible) = ansible() else { return };
    let (_base, collection) = laid_out();
    fs::copy(
        project("ansible/.ansible-lint"),
        collection.join(".ansible-lint"),
    )
    .unwrap();
    let output = ansible
        .command("ansible-lint")
        .args(["--offline", "--nocolor"])
        .current_dir(&collection)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("Passed: 0 failure(s), 0 warning(s)")
            && text.contains("Profile 'production' was required, and it passed"),
        "{text}"
    );
}

#[test]
fn ansible_test_finds_the_collection_sane() {
    let Some(ansible) = ansible() else { return };
    let (_base, collection) = laid_out();
    // Kept beside the environment: it makes environments of its own.
    let home = ansible.venv.join("sanity");
    let bootstrap = home.join(".ansible/test/cache/get_pip_24_2.py");
    fs::create_dir_all(bootstrap.parent().unwrap()).unwrap();
    // It would be fetched from a host of Ansible's own; Python brings a pip that does.
    fs::write(
        &bootstrap,
        "import runpy\nimport sys\n\nsys.argv = [\"ensurepip\", \"--default-pip\"]\nrunpy.run_module(\"ensurepip\", run_name=\"__main__\", alter_sys=True)\n",
    )
    .unwrap();
    let version = ansible.venv.file_name().unwrap().to_str().unwrap();
    let version = version
        .trim_start_matches("python")
        .split('-')
        .next()
        .unwrap();
    let mut command = ansible.command("ansible-test");
    command
        .env("HOME", &home)
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .args(["sanity", "--local", "--requirements", "--color", "no"])
        .args(["--python", version])
        .current_dir(&collection);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if text.contains("Could not find a version that satisfies") {
        skipped("what ansible-test needs cannot be installed from PyPI");
        return;
    }
    assert!(output.status.success(), "{text}");
    for test in [
        "validate-modules",
        "ansible-doc",
        "import",
        "pep8",
        "pylint",
        "runtime-metadata",
        "yamllint",
    ] {
        assert!(
            text.contains(&format!("Running sanity test \"{test}\"")),
            "{test}: {text}"
        );
    }
}
