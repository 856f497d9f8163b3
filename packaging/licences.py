"""The licences of all that is in a program: of its crates, and of what the compiler adds."""

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

# The files of a crate that hold a licence, or what a licence asks to be passed on.
LICENCE_FILE = re.compile(r"(licen[cs]e|unlicense|copying|copyright|notice)", re.IGNORECASE)

# Where Debian and its kin keep the licence of the C library.
C_LIBRARY_LICENCE = Path("/usr/share/common-licenses/LGPL-2.1")

INTRODUCTION = """\
Typewall is under the MIT licence, see LICENSE. It contains the work of others: the crates of this list, whose licences
are below, with SQLite, which is in the public domain, in libsqlite3-sys; and the standard library of Rust, under the
MIT licence or the Apache licence 2.0, see COPYRIGHT-library.html.
"""

C_LIBRARY = """\
This program also contains the GNU C library, under the GNU Lesser General Public License 2.1, which follows the
licences of the crates. Whoever wants to replace the library builds the program from its source, see README.md.
"""


def crates(target):
    """The packages in the program for a target. Build scripts and procedural macros are not in it."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting, found = [metadata["resolve"]["root"]], {}
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            package = packages[dependency["pkg"]]
            is_normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            is_macro = any("proc-macro" in part["kind"] for part in package["targets"])
            if is_normal and not is_macro and package["id"] not in found:
                found[package["id"]] = package
                waiting.append(package["id"])
    return sorted(found.values(), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The texts of a crate's licences."""
    folder = Path(package["manifest_path"]).parent
    files = {path for path in folder.iterdir() if path.is_file() and LICENCE_FILE.match(path.name)}
    if package["license_file"]:
        files.add((folder / package["license_file"]).resolve())
    if not files:
        raise SystemExit(f"{package['name']} has no text of its licence, {package['license']}.")
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(files)]


def document(target, with_c_library):
    """The licences of the program for a target, each text once."""
    packages = crates(target)
    owners = defaultdict(list)
    for package in packages:
        for text in texts(package):
            text = "\n".join(line.rstrip() for line in text.strip().splitlines())
            owners[text].append(f"{package['name']} {package['version']}")
    width = max(len(package["name"]) for package in packages)
    rows = [f"{package['name']:{width}}  {package['version']:12}  {package['license']}" for package in packages]
    parts = [INTRODUCTION] + ([C_LIBRARY] if with_c_library else []) + ["\n".join(rows) + "\n"]
    rule = "=" * 80
    parts += [f"{rule}\n{', '.join(names)}\n{rule}\n\n{text}\n" for text, names in owners.items()]
    if with_c_library:
        parts.append(f"{rule}\nGNU C library\n{rule}\n\n{C_LIBRARY_LICENCE.read_text(encoding='utf-8')}")
    return "\n".join(parts)


def of_standard_library():
    """The file about the licences of Rust's standard library that comes with the compiler."""
    command = ["rustc", "--print", "sysroot"]
    sysroot = Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    return sysroot / "share/doc/rust/COPYRIGHT-library.html"
