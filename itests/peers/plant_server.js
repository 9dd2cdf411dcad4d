// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
// A plant's OPC UA server for tests, driven by lines on standard input.
//   node plant_server.js <port> <pki directory> [user=name:password] [anonymous=no] [policies=A,B] [tokens=clear]
// Prints "ready <port>" when it serves, then one line per written value: "write <nodeId> <type> <value> <range or ->".
//   set <node> <value> [<StatusCode name> [<source time, ms since 1970>]]   one value from the process
//   burst <node> <count> <per tick>   count, count+1, … as source values, so many per 1 ms tick; prints "burst done"
//   array <node> <v0> <v1> …          all elements
//   add <node> <type> <value>         a node that was not there at the start
//   remove <node>                     the node is deleted, as by a download to the PLC
//   skip all                          each subscription leaves out a notification that it cannot repeat
//   drop all                          every client's connection is cut
//   reads refuse                      reads of the plant's nodes are BadUserAccessDenied from now on, subscriptions go on
//   count all                         prints "sessions <n> subscriptions <n> channels <n>"
//   silent <yes|no>                   stop answering Publish, as a server whose subscription engine died
const o = require('node-opcua');

const [port, pki, ...options] = process.argv.slice(2);
const option = (name, other) => (options.find((x) => x.startsWith(name + '=')) || name + '=' + other).slice(name.length + 1);
const [user, password] = option('user', 'operator:secret').split(':');

const scalars = { Boolean: false, SByte: 0, Byte: 0, Int16: 0, UInt16: 0, Int32: 0, UInt32: 0, Int64: 0, UInt64: 0, Float: 0, Double: 0, String: 'text' };

(async () => {
  const certificates = new o.OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: true });
  await certificates.initialize();
  const server = new o.OPCUAServer({
    port: +port,
    host: '127.0.0.1',
    hostname: '127.0.0.1',
    alternateHostname: ['127.0.0.1', 'localhost'],
    resourcePath: '/plant',
    allowAnonymous: option('anonymous', 'yes') === 'yes',
    serverCertificateManager: certificates,
    userManager: { isValidUser: (u, p) => u === user && p === password },
    securityModes: [o.MessageSecurityMode.None, o.MessageSecurityMode.Sign, o.MessageSecurityMode.SignAndEncrypt],
    securityPolicies: option('policies', 'None,Basic256Sha256,Aes128_Sha256_RsaOaep,Aes256_Sha256_RsaPss').split(',').map((p) => o.SecurityPolicy[p]),
    serverInfo: { applicationUri: 'urn:penstock:test:plant', productUri: 'urn:penstock:test:plant' },
    buildInfo: { productName: 'plant' },
    serverCapabilities: { minSupportedSampleRate: 0 }, // every change is reported, none coalesced
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const ns = space.getOwnNamespace();
  const plant = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: 'Plant', nodeId: 's=Plant' });
  const nodes = {};
  const parse = (type, text) =>
    type === 'Boolean' ? text === 'true' || text === '1'
      : type === 'String' ? text
      : type === 'Int64' ? o.coerceInt64(+text)
      : type === 'UInt64' ? o.coerceUInt64(+text)
      : +text;
  const add = (name, type, value, length) => {
    nodes[name] = ns.addVariable({
      componentOf: plant,
      browseName: name,
      nodeId: 's=' + name,
      dataType: type,
      valueRank: length ? 1 : -1,
      arrayDimensions: length ? [length] : undefined,
      minimumSamplingInterval: 0,
      accessLevel: 'CurrentRead | CurrentWrite',
      userAccessLevel: 'CurrentRead | CurrentWrite',
      value: {
        dataType: o.DataType[type],
        arrayType: length ? o.VariantArrayType.Array : o.VariantArrayType.Scalar,
        value: length ? Array.from({ length }, () => parse(type, '0')) : value,
      },
    });
    nodes[name].typeName = type;
  };
  for (const [type, value] of Object.entries(scalars)) add('T.' + type, type, parse(type, String(value)));
  for (const type of ['Double', 'Int16']) add('A.' + type, type, undefined, 4);
  for (let i = 0; i < 4; i++) add('C' + i, 'Double', 0);

  server.on('request', (request) => {
    if (request.constructor.name === 'WriteRequest') {
      for (const w of request.nodesToWrite) {
        const v = w.value.value;
        const range = w.indexRange && !w.indexRange.isEmpty() ? w.indexRange.toString() : '-';
        const value = v.value && v.value.join ? Array.from(v.value).join(',') : v.value;
        console.log(['write', w.nodeId.toString(), o.DataType[v.dataType], value, range].join(' '));
      }
    }
  });

  const burst = (name, count, perTick) => {
    let k = 0;
    let time = Date.now();
    const tick = () => {
      time = Math.max(time + 1, Date.now());
      for (let i = 0; i < perTick && k < count; i++) {
        k++;
        nodes[name].setValueFromSource({ dataType: o.DataType.Double, value: k }, o.StatusCodes.Good, new Date(time));
      }
      if (k < count) setTimeout(tick, 1);
      else console.log('burst done');
    };
    tick();
  };

  let partial = '';
  process.stdin.on('data', (chunk) => {
    const lines = (partial + chunk).split('\n');
    partial = lines.pop();
    for (const line of lines) {
      const [command, name, ...rest] = line.trim().split(/\s+/);
      const node = nodes[name];
      const type = node && node.typeName;
      if (command === 'set') {
        const status = rest[1] ? o.StatusCodes[rest[1]] : o.StatusCodes.Good;
        const time = rest[2] ? new Date(+rest[2]) : new Date();
        node.setValueFromSource({ dataType: o.DataType[type], arrayType: o.VariantArrayType.Scalar, value: parse(type, rest[0]) }, status, time);
      } else if (command === 'array') {
        node.setValueFromSource({ dataType: o.DataType[type], arrayType: o.VariantArrayType.Array, value: rest.map((x) => parse(type, x)) });
      } else if (command === 'burst') {
        burst(name, +rest[0], +rest[1]);
      } else if (command === 'add') {
        add(name, rest[0], parse(rest[0], rest[1]));
      } else if (command === 'remove') {
        space.deleteNode(node);
        delete nodes[name];
      } else if (command === 'skip') {
        for (const session of Object.values(server.engine._sessions)) {
          for (const subscription of session.publishEngine.subscriptions) subscription._get_next_sequence_number();
        }
      } else if (command === 'drop') {
        for (const e of server.endpoints) for (const c of e.getChannels()) c.abruptlyInterrupt();
      } else if (command === 'reads') {
        const read = server.engine.read.bind(server.engine);
        server.engine.read = async (context, request) => (await read(context, request)).map((result, i) =>
          request.nodesToRead[i].nodeId.namespace === 1 ? new o.DataValue({ statusCode: o.StatusCodes.BadUserAccessDenied }) : result);
      } else if (command === 'count') {
        console.log(['sessions', server.currentSessionCount, 'subscriptions', server.currentSubscriptionCount, 'channels', server.currentChannelCount].join(' '));
      } else if (command === 'silent') {
        // Publish requests of the sessions there are now go unanswered; a new session is served.
        for (const session of Object.values(server.engine._sessions)) {
          for (const subscription of session.publishEngine.subscriptions) subscription.publishingEnabled = false;
          session.publishEngine.send_keep_alive_response = () => true;
          session.publishEngine._on_PublishRequest = () => {};
          session.publishEngine._send_response = () => {};
        }
      }
      console.log('done ' + line.trim());
    }
  });
  process.stdin.on('end', () => process.exit(0));

  if (option('tokens', '') === 'clear') {
    for (const e of server.endpoints) for (const d of e.endpointDescriptions()) for (const t of d.userIdentityTokens) t.securityPolicyUri = o.SecurityPolicy.None;
  }
  await server.start();
  console.log('ready ' + port);
})().catch((e) => {
  console.log('failed ' + e.stack);
  process.exit(1);
});
