// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
// An independent OPC UA client of the results server, told what to do by lines on standard input; each command is answered by
// one line "answer ok <json>" or "answer failed <text>". Arguments: a directory for the client's own certificates.
//
//   connect <url> <mode> <policy> <user|anonymous> [password]    mode: None, Sign, SignAndEncrypt
//   endpoints <url>                policies and modes offered
//   unsecured <url>                what the server, asked past all checks of the client, answers to a session without security
//   disconnect
//   read <node id> [attribute]     value, type, status (also as number), source and server time
//   write <node id> <number>       status
//   browse <node id>               [[browse name, node id, reference type], ...]
//   subscribe <queue size> <node id>[<index range>] ...      revised sampling interval, queue size and status of each item
//   received                       [[node id, value, status number, source time], ...] since the last time
//   call <object id> <method id> <text> ... status and output arguments
//   sessions <url> <n> <mode> <policy> <user> <password>     how many of n sessions could be opened
'use strict';
const opcua = require('node-opcua');
const { ClientSecureChannelLayer } = require('node-opcua-secure-channel');
const path = require('path');
const readline = require('readline');

const pki = path.resolve(process.argv[2]);
const received = [];
let certificates, client, session, subscription;

const say = line => process.stdout.write(line + '\n');
const time = date => (date ? date.toISOString() : null);
const plain = value => {
    if (value === null || value === undefined) return null;
    if (typeof value === 'bigint') return value.toString();
    if (Array.isArray(value) && value.length === 2 && typeof value[0] === 'number' && typeof value[1] === 'number') {
        return value[0] * 4294967296 + value[1]; // Int64 comes as two words
    }
    if (value instanceof Date) return value.toISOString();
    if (value.constructor && value.constructor.name === 'ExtensionObject') return value.toJSON();
    return value;
};

function make(mode, policy) {
    return opcua.OPCUAClient.create({
        applicationName: 'penstock-test-client',
        applicationUri: 'urn:penstock:test:client',
        endpointMustExist: false,
        securityMode: opcua.MessageSecurityMode[mode],
        securityPolicy: opcua.SecurityPolicy[policy],
        clientCertificateManager: certificates,
        certificateFile: path.join(pki, 'own.pem'),
        privateKeyFile: certificates.privateKey,
        connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 200 },
        requestedSessionTimeout: 60000,
        keepSessionAlive: true,
    });
}

const identity = (user, password) => (user === 'anonymous'
    ? { type: opcua.UserTokenType.Anonymous }
    : { type: opcua.UserTokenType.UserName, userName: user, password });

const commands = {
    async connect(url, mode, policy, user, password) {
        client = make(mode, policy);
        try {
            await client.connect(url);
            session = await client.createSession(identity(user, password));
        } catch (e) {
            await client.disconnect().catch(() => {});
            throw e;
        }
        return session.sessionId.toString();
    },
    async endpoints(url) {
        const scout = make('None', 'None');
        await scout.connect(url);
        const found = await scout.getEndpoints();
        await scout.disconnect();
        return found.map(e => [
            e.endpointUrl,
            opcua.MessageSecurityMode[e.securityMode],
            e.securityPolicyUri.split('#')[1],
            e.userIdentityTokens.map(t => opcua.UserTokenType[t.tokenType]),
        ]);
    },
    async unsecured(url) {
        const channel = new ClientSecureChannelLayer({
            transportTimeout: 10000,
            connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 200 },
            securityMode: opcua.MessageSecurityMode.None,
            securityPolicy: opcua.SecurityPolicy.None,
            parent: null,
            defaultSecureTokenLifetime: 60000,
        });
        const done = resolve => (e, response) => resolve(e ? e.message : response.responseHeader.serviceResult.name);
        await new Promise((resolve, reject) => channel.create(url, e => (e ? reject(e) : resolve())));
        try {
            return await new Promise(resolve => {
                channel.on('backoff', () => {}).on('close', () => resolve('closed by the server'));
                channel.performMessageTransaction(new opcua.CreateSessionRequest({
                    clientDescription: { applicationUri: 'urn:penstock:test:stranger', applicationType: 1 },
                    endpointUrl: url,
                    sessionName: 'stranger',
                    clientNonce: Buffer.alloc(32, 1),
                    requestedSessionTimeout: 60000,
                }), done(resolve));
            });
        } finally {
            await new Promise(resolve => channel.close(resolve));
        }
    },
    async disconnect() {
        if (subscription) await subscription.terminate().catch(() => {});
        if (session) await session.close().catch(() => {});
        if (client) await client.disconnect().catch(() => {});
        subscription = session = client = undefined;
        return true;
    },
    async read(nodeId, attribute) {
        const value = await session.read({ nodeId, attributeId: opcua.AttributeIds[attribute || 'Value'] });
        return {
            value: plain(value.value.value),
            type: opcua.DataType[value.value.dataType],
            status: value.statusCode.name,
            code: value.statusCode.value >>> 0,
            source: time(value.sourceTimestamp),
            server: time(value.serverTimestamp),
        };
    },
    async write(nodeId, number) {
        const status = await session.write({
            nodeId,
            attributeId: opcua.AttributeIds.Value,
            value: { value: { dataType: opcua.DataType.Double, value: Number(number) } },
        });
        return status.name;
    },
    async browse(nodeId) {
        const result = await session.browse({
            nodeId,
            browseDirection: opcua.BrowseDirection.Forward,
            referenceTypeId: 'HierarchicalReferences',
            includeSubtypes: true,
            resultMask: 63,
        });
        return result.references.map(r => [r.browseName.name, r.nodeId.toString(), r.typeDefinition.toString()]);
    },
    async subscribe(queueSize, ...nodeIds) {
        subscription = await session.createSubscription2({
            requestedPublishingInterval: 20,
            requestedLifetimeCount: 1000,
            requestedMaxKeepAliveCount: 50,
            maxNotificationsPerPublish: 0,
            publishingEnabled: true,
        });
        const revised = [];
        for (const wanted of nodeIds) {
            const [, nodeId, indexRange] = /^([^[]+)(?:\[(.+)\])?$/.exec(wanted);
            const item = await subscription.monitor(
                { nodeId, attributeId: opcua.AttributeIds.Value, indexRange: new opcua.NumericRange(indexRange) },
                {
                    samplingInterval: 0,
                    queueSize: Number(queueSize),
                    discardOldest: true,
                    filter: new opcua.DataChangeFilter({ trigger: opcua.DataChangeTrigger.StatusValueTimestamp }),
                },
                opcua.TimestampsToReturn.Both,
                opcua.MonitoringMode.Reporting);
            item.on('changed', v =>
                received.push([nodeId, plain(v.value.value), v.statusCode.value >>> 0, time(v.sourceTimestamp)]));
            revised.push([item.result.revisedSamplingInterval, item.result.revisedQueueSize, item.statusCode.name]);
        }
        return revised;
    },
    async received() {
        return received.splice(0);
    },
    async call(objectId, methodId, ...texts) {
        const result = await session.call({
            objectId,
            methodId,
            inputArguments: texts.map(value => ({ dataType: opcua.DataType.String, value })),
        });
        return { status: result.statusCode.name, outputs: (result.outputArguments || []).map(o => o.value) };
    },
    async sessions(url, n, mode, policy, user, password) {
        const many = make(mode, policy);
        await many.connect(url);
        const open = [];
        let refusal = '';
        for (let i = 0; i < Number(n); i++) {
            try {
                open.push(await many.createSession(identity(user, password)));
            } catch (e) {
                refusal = e.message.split('\n')[0];
                break;
            }
        }
        const opened = open.length;
        for (const s of open) await s.close().catch(() => {});
        await many.disconnect();
        return [opened, refusal];
    },
};

(async () => {
    certificates = new opcua.OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: true });
    await certificates.initialize();
    await certificates.createSelfSignedCertificate({
        applicationUri: 'urn:penstock:test:client',
        subject: '/CN=penstock-test-client',
        dns: ['localhost'],
        startDate: new Date(Date.now() - 86400000),
        validity: 365,
        outputFile: path.join(pki, 'own.pem'),
    });
    say('ready');
    for await (const line of readline.createInterface({ input: process.stdin })) {
        if (!line.trim()) continue;
        const [command, ...args] = line.match(/"[^"]*"|\S+/g).map(a => a.replace(/^"|"$/g, ''));
        try {
            say('answer ok ' + JSON.stringify(await commands[command](...args)));
        } catch (e) {
            say('answer failed ' + String(e.message).replace(/\s+/g, ' ').slice(0, 400));
        }
    }
    process.exit(0);
})().catch(e => {
    say('broken ' + e.stack);
    process.exit(1);
});
