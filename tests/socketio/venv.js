// Installs what the Python client needs into .venv, unless it is there: the packages of requirements.txt, and no other.

import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export const PYTHON = at(".venv/bin/python");

// What was installed, written last.
const INSTALLED = at(".venv/installed.txt");

const wanted = readFileSync(at("requirements.txt"), "utf8");

function isInstalled() {
  try {
    return readFileSync(INSTALLED, "utf8") === wanted;
  } catch {
    return false;
  }
}

export function install() {
  if (isInstalled()) return;
  rmSync(at(".venv"), { recursive: true, force: true });
  execFileSync("python3", ["-m", "venv", at(".venv")], { stdio: "inherit" });
  const pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--requirement"];
  execFileSync(PYTHON, [...pip, at("requirements.txt")], { stdio: "inherit" });
  writeFileSync(INSTALLED, wanted);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install();
