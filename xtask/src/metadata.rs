//! What `cargo metadata` says of the workspace: the rooms, their dependencies, their targets.
//! Never judges it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A program, library or test of a package.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, ...
    pub(crate) kind: String,
    pub(crate) source: PathBuf,
}

/// One package of a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Names of all packages it names itself, with the kind: `normal`, `dev`, `build`.
    pub(crate) dependencies: Vec<(String, String)>,
    pub(crate) targets: Vec<Target>,
    /// All packages that come with its normal dependencies; empty where nothing was resolved.
    pub(crate) reached: BTreeSet<String>,
}

/// The packages of the workspace that `manifest` belongs to.
pub(crate) fn packages(manifest: &Path, resolve: bool) -> Result<Vec<Package>> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--format-version", "1", "--manifest-path"]).arg(manifest);
    if !resolve {
        command.arg("--no-deps");
    }
    let output = command.output().context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let all: Value = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    let graph = Graph::of(&all);
    let members: BTreeSet<&str> = list(&all, "workspace_members").iter().filter_map(Value::as_str).collect();
    let ours = list(&all, "packages").iter().filter(|package| members.contains(text(package, "id")));
    Ok(ours.map(|package| one(package, &graph)).collect())
}

fn one(package: &Value, graph: &Graph<'_>) -> Package {
    let dependencies = list(package, "dependencies").iter().map(|dependency| {
        let kind = dependency["kind"].as_str().unwrap_or("normal");
        (text(dependency, "name").to_owned(), kind.to_owned())
    });
    let targets = list(package, "targets").iter().map(|target| Target {
        name: text(target, "name").to_owned(),
        kind: target["kind"][0].as_str().unwrap_or_default().to_owned(),
        source: text(target, "src_path").into(),
    });
    let manifest = Path::new(text(package, "manifest_path"));
    Package {
        name: text(package, "name").to_owned(),
        folder: manifest.parent().unwrap_or(manifest).to_owned(),
        dependencies: dependencies.collect(),
        targets: targets.collect(),
        reached: graph.reached(text(package, "id")),
    }
}

/// Which package pulls in which, by ids.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    normal: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn of(all: &'a Value) -> Self {
        let names = list(all, "packages").iter().map(|package| (text(package, "id"), text(package, "name")));
        let normal = list(&all["resolve"], "nodes").iter().map(|node| {
            let normal = list(node, "deps")
                .iter()
                .filter(|dependency| list(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null()));
            (text(node, "id"), normal.map(|dependency| text(dependency, "pkg")).collect())
        });
        Graph { names: names.collect(), normal: normal.collect() }
    }

    fn reached(&self, id: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.normal.get(id).cloned().unwrap_or_default();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(self.normal.get(next).into_iter().flatten());
            }
        }
        reached.into_iter().filter_map(|id| self.names.get(id)).map(|name| (*name).to_owned()).collect()
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}
