// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ByteOrder;
import io.penstock.api.acquisition.DataType;
import io.penstock.api.acquisition.Scaling;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.data.TagId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.osgi.util.converter.Converters;

class OpcUaConfigurationCheckTest {
    private static final TagDefinition GOOD = definition("AT-1003", "ns=2;s=AT-1003", 1, 100);

    private static TagDefinition definition(String name, String address, int length, long periodMs) {
        return new TagDefinition(
                new TagId(name), "", address, DataType.REAL, length, ByteOrder.ABCD, periodMs, Scaling.NONE, "", false);
    }

    private static Map<String, Object> good() {
        Map<String, Object> map = new HashMap<>();
        map.put("name", "plant");
        map.put("endpointUrl", "opc.tcp://10.0.0.7:4841/plant");
        map.put("tags", "plant.csv");
        map.put("userName", "gateway");
        map.put("passwordFile", "etc/secrets/plant");
        map.put("lossToBadMs", 5000L);
        return map;
    }

    private static void check(Map<String, Object> map, TagDefinition... tags) {
        OpcUaConfigurationCheck check = new OpcUaConfigurationCheck(name -> List.of(tags));
        assertEquals("io.penstock.connector.opcua", check.pid());
        check.check(map);
    }

    // The shortest sound configuration is the secure one.
    @Test
    void fewKeysAreEnough() {
        assertDoesNotThrow(() -> check(good(), GOOD));
    }

    // A wrong figure that reaches the running connector takes the plant off the screen.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "name|a/b|name: 1 to 41 of letters",
                "endpointUrl|http://x|endpointUrl: opc.tcp://host:port/path, was 'http://x'",
                "endpointUrl|opc.tcp://u:p@x|endpointUrl: opc.tcp://host:port/path",
                "endpointUrl|opc.tcp://x:0|endpointUrl: port 1 to 65535",
                "endpointUrl|opc.tcp://x:70000|endpointUrl: port 1 to 65535, was 'opc.tcp://x:70000'",
                "endpointUrl||endpointUrl: needed",
                "tags||tags: needed",
                "securityPolicy|Basic256|securityPolicy: one of [Basic256Sha256,",
                "securityPolicy|None|securityPolicy and securityMode: None only together",
                "securityMode|Encrypt|securityMode: one of SignAndEncrypt, Sign, None, was 'Encrypt'",
                "userName|''|userName: needed unless anonymous is true",
                "anonymous|true|anonymous: true excludes userName, which is 'gateway'",
                "passwordFile|''|passwordFile: needed with userName",
                "passwordFile|../shadow|passwordFile: a path inside the gateway's home, was '../shadow'",
                "passwordFile|/etc/shadow|passwordFile: a path inside the gateway's home",
                "publishingIntervalMs|0|publishingIntervalMs: 1 to 60000, was '0'",
                "queueSize|1|queueSize: 2 to 100000, was '1'",
                "requestTimeoutMs|99|requestTimeoutMs: 100 to 60000, was '99'",
                "keepAliveMs|99|keepAliveMs: 100 to 600000, was '99'",
                "lossToBadMs|0|lossToBadMs: 1 to 3600000, was '0'",
                "retryMs|10|retryMs: 100 to 3600000, was '10'",
                "maxRetryMs|999|maxRetryMs: 1000 to 3600000, was '999'",
                "nodeRetryMs|1|nodeRetryMs: 100 to 3600000, was '1'",
                "minimumRsaBits|1024|minimumRsaBits: 2048 to 4096, which the security policies allow, was 1024",
                "revocationLists|off|revocationLists: required or tolerated (that they are missing), was 'off'",
                "queueSize|many|wrong type",
            })
    void nonsenseIsRefusedWithKeyValueAndLimit(String key, String value, String message) {
        Map<String, Object> map = good();
        if (value == null) {
            map.remove(key);
        } else {
            map.put(key, value);
        }
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> check(map, GOOD));
        assertTrue(refused.getMessage().contains(message), refused.getMessage());
    }

    // lossToBadMs decides how long a loop may live on old values; nobody may decide that but the plant.
    @Test
    void lossToBadHasNoDefault() {
        Map<String, Object> map = good();
        map.remove("lossToBadMs");
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> check(map, GOOD));
        assertTrue(refused.getMessage().contains("lossToBadMs"), refused.getMessage());
    }

    // A session shorter than the pauses of a quiet plant ends once a minute, and its tags flicker.
    @Test
    void theSessionOutlivesTheLongestPause() {
        Map<String, Object> map = good();
        map.put("keepAliveMs", 600_000L);
        assertEquals(1_800_000, ClientSession.sessionTimeoutMs(settings(map)));
        map.put("keepAliveMs", 500L);
        assertEquals(60_000, ClientSession.sessionTimeoutMs(settings(map)));
    }

    private static Settings settings(Map<String, Object> map) {
        return Settings.of(Converters.standardConverter().convert(map).to(OpcUaConnector.Config.class), List.of(GOOD));
    }

    // A wrong line of the tag list is found before the list is used.
    @Test
    void faultyTagsAreRefusedByName() {
        assertTrue(refusal(definition("X", "AT-1003", 1, 100)).contains("X: address a NodeId"));
        assertTrue(refusal(definition("X", "svr=1;ns=2;s=X", 1, 100)).contains("no svr="));
        assertTrue(refusal(definition("X", "ns=2;s=X", 0, 100)).contains("X: length at least 1"));
        assertTrue(refusal(definition("X", "ns=2;s=X", 1, 1)).contains("queueSize at least 200"));
        assertTrue(refusal(GOOD, GOOD).contains("AT-1003 is there twice"));
        assertTrue(refusal().contains("has no tag"));
        assertTrue(refusal(of(DataType.REAL, ByteOrder.CDAB, Scaling.NONE)).contains("byteOrder left empty"));
        assertTrue(refusal(of(DataType.BOOL, ByteOrder.ABCD, new Scaling(0, 1, 0, 100)))
                .contains("no scaling for a"));
        assertDoesNotThrow(() -> check(good(), definition("X", "nsu=urn:plant;s=X", 1, 0)));
    }

    private static TagDefinition of(DataType type, ByteOrder order, Scaling scaling) {
        return new TagDefinition(new TagId("X"), "", "ns=2;s=X", type, 1, order, 100, scaling, "", false);
    }

    private static String refusal(TagDefinition... tags) {
        return String.valueOf(assertThrows(IllegalArgumentException.class, () -> check(good(), tags))
                .getMessage());
    }
}
