// Compares ajv's verdict on every example document with that of
// "ros config validate": node compare.mjs ROS REPOSITORY
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import Ajv from 'ajv/dist/2020.js'
import { parseDocument } from 'yaml'

const [ros, repo] = process.argv.slice(2)
const schema = JSON.parse(readFileSync(`${repo}/docs/cloud-config.schema.json`, 'utf8'))
const check = new Ajv({ allErrors: true, allowUnionTypes: true, strictTypes: false }).compile(schema)

// What JSON Schema cannot say.
const beyond = {
  'alias-in-itself': 'JSON has no aliases',
  'merge-twice': 'that two keys agree'
}

// The documents: YAML of the reference page, and the archives of the tests.
function * documents () {
  const page = readFileSync(`${repo}/docs/cloud-config.md`, 'utf8')
  let n = 0
  for (const [, text] of page.matchAll(/^```yaml\n([^]*?)^```$/gm)) yield [`docs/cloud-config.md example ${++n}`, text]
  const testdata = `${repo}/cloudconfig/testdata`
  for (const name of readdirSync(testdata, { recursive: true }).filter(n => n.endsWith('.txtar')).sort()) {
    const file = `${testdata}/${name}`
    const parts = readFileSync(file, 'utf8').split(/^-- (\S+) --\n/m)
    for (let i = 1; i < parts.length; i += 2) {
      if (parts[i].endsWith('.yml') || parts[i + 1].startsWith('#cloud-config')) {
        yield [`${file.slice(repo.length + 1)} ${parts[i]}`, parts[i + 1]]
      }
    }
  }
}

function validates (file) {
  try {
    execFileSync(ros, ['config', 'validate', '-i', file], { stdio: 'pipe' })
    return true
  } catch (e) {
    if (e.status !== 1) throw e
    return false
  }
}

function parsed (text) {
  const doc = parseDocument(text, { merge: true })
  if (doc.errors.length + doc.warnings.length > 0) return null // a warning is about an unknown tag
  try {
    return [doc.toJS()]
  } catch {
    return null // aliases without end
  }
}

const dir = mkdtempSync(`${tmpdir()}/ros-ajv-`)
const count = { good: 0, bad: 0, 'not YAML': 0, 'beyond JSON Schema': 0, different: 0 }
for (const [name, text] of documents()) {
  const file = `${dir}/user-data.yml`
  writeFileSync(file, text.startsWith('#cloud-config') ? text : '#cloud-config\n' + text)
  const good = validates(file)
  const doc = parsed(text)
  if (doc === null) {
    count['not YAML']++
    if (good) console.log(`${++count.different}. ${name}: ros takes what is not YAML`)
  } else if (check(doc[0] ?? {}) === good) {
    count[good ? 'good' : 'bad']++
  } else if (!good && Object.keys(beyond).some(k => name.includes(`/${k}.`))) {
    count['beyond JSON Schema']++
  } else {
    console.log(`${++count.different}. ${name}: ros says ${good ? 'good' : 'bad'}, ajv ${good ? 'bad' : 'good'}`)
    for (const e of good ? check.errors : []) console.log(`   ${e.instancePath} ${e.message}`)
  }
}
rmSync(dir, { recursive: true })
console.log(`ajv and ros config validate agree on ${count.good} good and ${count.bad} bad documents; ` +
  `${count['not YAML']} are not YAML; ` +
  `${count['beyond JSON Schema']} have a mistake that JSON Schema cannot see; ${count.different} differ`)
process.exit(count.different ? 1 : 0)
