//! Module graph: no cycles between the folders of a crate at any level, few entries in `replay/src`, and
//! existing paths in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module as the names on its path below the crate.
type Module = Vec<String>;
/// Modules that a module imports from, each with one of the imports.
type Imports = BTreeMap<Module, String>;

/// Text of a file without comments and unit tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Leaves of a tree of imports: `a::{b, c::{D, E}}` has `a::b`, `a::c::D` and `a::c::E`.
fn leaves(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(leaves).map(|leaf| format!("{}{leaf}", prefix.trim())).collect()
}

/// Paths of the crate in a file, as written: `super::costs::Costs`.
fn paths_of(text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut paths = Vec::new();
    for statement in code.split("use ").skip(1) {
        let tree = statement.split(';').next().unwrap_or_default();
        if ["crate", "super", "self"].iter().any(|start| tree.starts_with(start)) {
            paths.extend(leaves(tree));
        }
    }
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    paths.extend(words.filter(|word| word.contains("::")).map(|word| word.trim_matches(':').to_owned()));
    paths
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => rust_files(&path, files),
            false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            false => {}
        }
    }
}

fn module_of(source: &Path, file: &Path) -> Module {
    let path = file.strip_prefix(source).unwrap().with_extension("");
    let mut names: Module = path.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        names.pop();
    }
    names
}

/// Modules of a crate, each with its imports from the same crate.
fn modules(source: &Path) -> BTreeMap<Module, Imports> {
    let mut files = Vec::new();
    rust_files(source, &mut files);
    files.retain(|file| file.file_stem().is_some_and(|stem| stem != "tests"));
    let known: BTreeSet<Module> = files.iter().map(|file| module_of(source, file)).collect();
    let mut modules = BTreeMap::<Module, Imports>::new();
    for file in &files {
        let module = module_of(source, file);
        let imports = modules.entry(module.clone()).or_default();
        for path in paths_of(&fs::read_to_string(file).unwrap()) {
            let parts: Vec<&str> = path.split("::").collect();
            let mut names = &parts[..];
            let mut target = match names.first().copied() {
                Some("crate") => Vec::new(),
                Some("self" | "super") => module.clone(),
                _ => continue,
            };
            while let Some("crate" | "self" | "super") = names.first().copied() {
                if names[0] == "super" {
                    target.pop();
                }
                names = &names[1..];
            }
            for name in names {
                target.push((*name).to_owned());
                if !known.contains(&target) {
                    target.pop();
                    break;
                }
            }
            imports.insert(target, path.clone());
        }
    }
    modules
}

/// Edges of cycles between the children of a folder, each with an import.
fn cycles(modules: &BTreeMap<Module, Imports>, folder: &[String]) -> Vec<String> {
    let depth = folder.len();
    let child =
        |module: &Module| (module.starts_with(folder) && module.len() > depth).then(|| module[depth].clone());
    let mut arrows = BTreeMap::<String, BTreeMap<String, String>>::new();
    for (module, imports) in modules {
        for (target, path) in imports {
            if let (Some(from), Some(to)) = (child(module), child(target))
                && from != to
            {
                arrows.entry(from).or_default().insert(to, format!("{} uses {path}", module.join("::")));
            }
        }
    }
    let reaches = |from: &String, goal: &String| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(name) = next.pop() {
            next.extend(
                arrows.get(name).into_iter().flat_map(BTreeMap::keys).filter(|to| reached.insert(*to)),
            );
        }
        reached.contains(goal)
    };
    let is_folder = |name: &str| {
        modules.keys().any(|module| child(module).is_some_and(|c| c == name) && module.len() > depth + 1)
    };
    let mut found = Vec::new();
    for (from, to) in arrows.iter().flat_map(|(from, to)| to.iter().map(move |(to, path)| (from, (to, path))))
    {
        let (to, path) = to;
        if reaches(to, from) && (is_folder(from) || is_folder(to)) {
            found.push(format!("{}: {from} → {to}: {path}", folder.join("::")));
        }
    }
    found
}

#[test]
fn folders_of_a_crate_form_no_cycle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (name, least) in [("engine", 100), ("connectors", 80), ("strategies", 5), ("replay", 100)] {
        let modules = modules(&root.join(name).join("src"));
        assert!(modules.len() >= least, "{name} has {} modules", modules.len());
        let mut folders: BTreeSet<&[String]> = BTreeSet::new();
        for module in modules.keys() {
            folders.extend((0..module.len()).map(|depth| &module[..depth]));
        }
        let found: Vec<String> = folders.iter().flat_map(|folder| cycles(&modules, folder)).collect();
        assert!(found.is_empty(), "{name}:\n{}", found.join("\n"));
    }
}

#[test]
fn cycle_of_folders_is_found() {
    let source = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = source.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; mod c;");
    write("a/mod.rs", "mod inner; use crate::b::Thing;");
    write("a/inner.rs", "pub struct Inner;");
    write("c.rs", "fn call() { print!(\"{}\", crate::a::inner::Inner); }");
    write("b.rs", "pub struct Thing;");
    assert!(cycles(&modules(source.path()), &[]).is_empty());
    write("b.rs", "use crate::c; pub struct Thing;");
    assert_eq!(cycles(&modules(source.path()), &[]).len(), 2, "a → b and c → a; b → c involves no folder");
    assert_eq!(leaves("a::{b, c::{D, E as F}}"), ["a::b", "a::c::D", "a::c::E"]);
}

#[test]
fn program_has_at_most_ten_entries() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = fs::read_dir(source).unwrap().count();
    assert!(entries <= 10, "replay/src has {entries} entries");
}

#[test]
fn architecture_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let lines = text.lines().count();
    assert!(lines <= 200, "ARCHITECTURE.md has {lines} lines, expected at most 200");
    let is_path = |quoted: &&str| [".rs", ".md", "/"].iter().any(|end| quoted.ends_with(end));
    // Every second part is between backticks.
    let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_path).collect();
    assert!(paths.len() >= 50, "ARCHITECTURE.md names {} paths, expected at least 50", paths.len());
    let missing: Vec<&str> = paths.into_iter().filter(|path| !root.join(path).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names paths that do not exist: {missing:?}");
}

/// `cargo` does not compile a file that no module names, so its tests would never run.
#[test]
fn every_file_of_tests_is_part_of_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (folder, least) in [
        ("engine/tests/suite", 50),
        ("connectors/tests/suite", 25),
        ("replay/tests/suite", 45),
        ("replay/tests/properties", 10),
        ("connectors/fuzz", 10),
        ("replay/fuzz", 5),
    ] {
        let main = fs::read_to_string(root.join(folder).join("main.rs")).unwrap();
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let names: Vec<String> = entries
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name != "main")
            .collect();
        assert!(names.len() >= least, "{folder} has {} files, expected at least {least}", names.len());
        let missing: Vec<&String> =
            names.iter().filter(|name| !main.lines().any(|line| line == format!("mod {name};"))).collect();
        assert!(missing.is_empty(), "{folder}/main.rs does not name {missing:?}");
    }
}
