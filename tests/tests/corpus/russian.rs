//! The independent verifier answers a person in Russian where he reads that, and a program as ever.
//! Never judges a file: the other cases do.

use std::path::Path;
use std::process::Command;

use crate::forge::Case;
use crate::{judge, kept};

/// Every sentence by which something is judged against, with `{}` for what is put in, stands in the table; and a sentence's
/// Russian takes as many.
const EVERY_SENTENCE: &str = r#"
import ast, importlib.util, sys
spec = importlib.util.spec_from_file_location("verifier", sys.argv[1])
verifier = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verifier)

def words(node):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return words(node.left) + "{}" if isinstance(node, ast.BinOp) else None

nodes = list(ast.walk(ast.parse(open(sys.argv[1], encoding="utf-8").read())))
found = [node.args[0] for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Bad"]
journal = next(node for node in nodes if isinstance(node, ast.ClassDef) and node.name == "Journal")
verify = next(node for node in journal.body if getattr(node, "name", "") == "verify")
found += [node.value for node in ast.walk(verify) if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant)]
said = {words(node) for node in found} - {None}
print(len(said), sorted(said - set(verifier.RU)), [en for en, ru in verifier.RU.items() if en.count("{}") != ru.count("{}")])
"#;

#[test]
fn every_sentence_of_the_python_is_there_in_russian() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../auditor/verify_bundle.py");
    let out = Command::new("python3").args(["-B", "-c", EVERY_SENTENCE]).arg(file).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    let (count, rest) = said.trim().split_once(' ').unwrap_or_default();
    assert_eq!(rest, "[] []", "{}", String::from_utf8_lossy(&out.stderr));
    assert!(count.parse::<u32>().unwrap() > 150, "{count}");
}

/// What is answered about a kept file, asked in these words and under this locale.
fn answered(case: &Case, words: &[&str], locale: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, &case.file).unwrap();
    let mut command = judge::asked(case, &file, dir.path());
    command.args(words).env("LC_ALL", "").env("LC_MESSAGES", locale).env("LANG", "en_GB.UTF-8");
    let out = command.env("PYTHONIOENCODING", "utf-8").output().unwrap();
    assert_eq!(out.status.code(), Some(case.exit.into()), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_python_answers_in_russian_whoever_reads_it_and_programs_as_ever() {
    let kept = kept::cases();
    let case = |name: &str| kept.iter().find(|case| case.name == format!("kept: {name}")).unwrap();
    let (honest, bent, range) = (case("honest"), case("bent-signature"), case("range"));
    let told = answered(honest, &[], "ru_RU.UTF-8");
    assert!(told.starts_with("ПРОВЕРЕНО: всё, что здесь проверяется, сходится"), "{told}");
    assert!(told.contains("\nзаписей всего журнала: ") && told.contains("\nне проверялось: "), "{told}");
    assert_eq!(answered(honest, &["--lang", "ru"], ""), told);
    assert!(answered(honest, &["--lang", "en"], "ru_RU.UTF-8").starts_with("VERIFIED: everything"));
    assert!(
        answered(honest, &[], "").starts_with("VERIFIED: everything"),
        "LANG comes last, and is English here"
    );
    let index = bent.first_bad.unwrap();
    let told = answered(bent, &["--lang", "ru"], "");
    assert!(told.starts_with(&format!("НЕДЕЙСТВИТЕЛЬНО: запись #{index}: подпись не сходится\n")), "{told}");
    let told = answered(range, &["--lang", "ru"], "");
    assert!(
        told.contains("\nзапрошенных записей: 5, ещё для их проверки: ") && told.contains("(промежуток)"),
        "{told}"
    );
    let program = answered(bent, &["--json"], "");
    assert_eq!(answered(bent, &["--json", "--lang", "ru"], "ru_RU.UTF-8"), program);
    assert!(program.contains(r#""why": "the signature does not verify""#), "{program}");
}
