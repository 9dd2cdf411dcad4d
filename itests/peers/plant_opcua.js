// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
// OPC UA client of a test, with node-opcua: plant_opcua.js URL PKI_DIR USER PASSWORD. It makes its certificate
// and is ready. Commands, one answer line each:
//   connect [USER PASSWORD] · read ID · write ID NUMBER · property ID NAME · call METHOD [ARGUMENT] · watch ID (prints "value ID STATUS VALUE SOURCE_TIME" per change)
const readline = require("readline");
const opcua = require("node-opcua");

const [url, pki, userName, password] = process.argv.slice(2);
const node = (id) => `ns=2;s=${id}`;
const show = (value) => `${value.statusCode.name} ${value.value.value} ${value.sourceTimestamp ? value.sourceTimestamp.toISOString() : "-"}`;

(async () => {
  const certificates = new opcua.OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: true });
  await certificates.initialize();
  const client = opcua.OPCUAClient.create({
    applicationName: "test", applicationUri: "urn:penstock:test:client", endpointMustExist: false, clientCertificateManager: certificates,
    securityMode: opcua.MessageSecurityMode.SignAndEncrypt, securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    connectionStrategy: { maxRetry: 0, initialDelay: 100 },
  });
  await client.createDefaultCertificate();
  console.log("ready");
  let session = null;
  let subscription = null;
  const answers = {
    async connect(name, secret) {
      await client.connect(url);
      session = await client.createSession({ type: opcua.UserTokenType.UserName, userName: name || userName, password: secret || password });
      return "connected";
    },
    async read(id) { return show(await session.read({ nodeId: node(id), attributeId: opcua.AttributeIds.Value })); },
    async write(id, number) {
      const value = { value: { dataType: opcua.DataType.Double, value: Number(number) } };
      return (await session.write({ nodeId: node(id), attributeId: opcua.AttributeIds.Value, value })).name;
    },
    async property(id, name) {
      const path = opcua.makeBrowsePath(node(id), `.${name}`);
      const found = await session.translateBrowsePath(path);
      const value = (await session.read({ nodeId: found.targets[0].targetId, attributeId: opcua.AttributeIds.Value })).value.value;
      return name === "EURange" ? `${value.low} ${value.high}` : `${value.unitId} ${value.displayName.text}`;
    },
    async call(method, argument) {
      const inputArguments = argument ? [{ dataType: opcua.DataType.String, value: argument }] : [];
      const result = await session.call({ objectId: node("WTP-1"), methodId: node(`WTP-1/${method}`), inputArguments });
      return `${result.statusCode.name} ${result.outputArguments && result.outputArguments[0] ? result.outputArguments[0].value : ""}`;
    },
    async watch(id) {
      subscription ??= opcua.ClientSubscription.create(session, { requestedPublishingInterval: 100, requestedLifetimeCount: 1000,
        requestedMaxKeepAliveCount: 10, maxNotificationsPerPublish: 0, publishingEnabled: true });
      opcua.ClientMonitoredItem.create(subscription, { nodeId: node(id), attributeId: opcua.AttributeIds.Value },
        { samplingInterval: 0, queueSize: 100, discardOldest: true }, opcua.TimestampsToReturn.Both)
        .on("changed", (value) => console.log("value", id, show(value)));
      return "watching";
    },
  };
  const lines = readline.createInterface({ input: process.stdin });
  for await (const line of lines) {
    const [verb, ...words] = line.trim().split(/\s+/);
    try {
      console.log("answer", await answers[verb](...words));
    } catch (e) {
      console.log("answer failed", e.message.split("\n")[0]);
    }
  }
  process.exit(0);
})().catch((e) => { console.log("failed", e.message); process.exit(1); });
