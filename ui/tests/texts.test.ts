import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createI18n } from "vue-i18n";
import moves from "../dev/fixtures/moves.json";
import { libraryTexts } from "../src/i18n/library_texts";
import { texts as first } from "../src/i18n/texts";
import { EVIDENCE_KINDS, kindOf } from "../src/logic/evidence";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, before = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(before + key, value);
    else for (const [below, text] of flat(value, `${before}${key}.`)) found.set(below, text);
  }
  return found;
}

/** Those of the library come with its pages. */
const texts = { zh: { ...first.zh, ...libraryTexts.zh }, en: { ...first.en, ...libraryTexts.en } };
const zh = flat(texts.zh);
const en = flat(texts.en);
const values = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : /\.(vue|ts)$/.test(name) ? [path] : [];
  });
}
const sources = files("src").map((path) => ({ path, text: readFileSync(path, "utf8") }));

describe("texts", () => {
  test("have the same keys in both languages", () => {
    expect([...zh.keys()].sort()).toEqual([...en.keys()].sort());
  });
  test("of the library take no group of the first view's", () => {
    expect(Object.keys(libraryTexts.zh).filter((group) => group in first.zh)).toEqual([]);
  });
  test("take the same values in both languages and are never empty", () => {
    for (const [key, text] of zh) {
      expect(values(en.get(key)!), key).toEqual(values(text));
      expect(text.trim(), key).not.toBe("");
      expect(en.get(key)!.trim(), key).not.toBe("");
    }
  });
  test("exist for every key that a page names", () => {
    for (const { path, text } of sources)
      for (const [, key] of text.matchAll(/\bt\(\s*"([\w.]+)"/g)) expect(zh.has(key!), `${path}: ${key}`).toBe(true);
  });
  test("are found by name only: no page holds Chinese of its own, but the names of the languages", () => {
    for (const { path, text } of sources) {
      const left = text.replaceAll("中文", "").replaceAll("、", "");
      expect(/[\u4e00-\u9fff]/.test(left), path).toBe(false);
    }
  });
  test("name every command, state and kind of evidence of the table of moves", () => {
    for (const move of moves.case) {
      expect(zh.has(`command.${move.command}`), move.command).toBe(true);
      expect(zh.has(`case_state.${move.to}`), move.to).toBe(true);
      if (move.outcome) expect(zh.has(`outcome.${move.outcome}`), move.outcome).toBe(true);
    }
    for (const move of moves.task) {
      expect(zh.has(`task_command.${move.command}`), move.command).toBe(true);
      expect(zh.has(`task_state.${move.to}`), move.to).toBe(true);
    }
    for (const kind of EVIDENCE_KINDS) {
      expect(zh.has(`evidence.${kind}`), kind).toBe(true);
      expect(zh.has(`ref.${kindOf(kind).ref}`), kind).toBe(true);
      for (const field of kindOf(kind).fields) {
        expect(zh.has(`field.${field.name}`), field.name).toBe(true);
        for (const choice of field.choices ?? []) expect(zh.has(`value.${field.name}.${choice}`), choice).toBe(true);
      }
    }
  });
  test("compile: a text with a sign that the language of messages knows would be shown broken", () => {
    for (const lang of ["zh", "en"] as const) {
      const { t } = createI18n({ legacy: false, locale: lang, messages: texts }).global;
      for (const [key, text] of flat(texts[lang])) {
        const given = Object.fromEntries(values(text).map((name) => [name.slice(1, -1), "7"]));
        expect(t(key, given), key).toBe(text.replaceAll(/\{\w+\}/g, "7"));
      }
    }
  });
});

test("no file is longer than 300 lines but the generated one", () => {
  for (const { path, text } of sources)
    if (!path.endsWith("schema.d.ts")) expect(text.split("\n").length, path).toBeLessThanOrEqual(301);
});
