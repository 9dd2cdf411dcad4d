// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

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
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ConfigurationTest {
    private static Map<String, Object> good() {
        Map<String, Object> properties = new HashMap<>();
        properties.put("name", "plc1");
        properties.put("url", "modbus-tcp://10.0.0.5:1502");
        properties.put("unitIdentifier", 1L);
        properties.put("tags", "plc1.csv");
        properties.put("lossToBadMs", 5000L);
        return properties;
    }

    private static void check(Map<String, Object> properties, TagDefinition... tags) {
        List<TagDefinition> list =
                tags.length == 0 ? List.of(Fixtures.tag("x", "holding-register:1", DataType.INT)) : List.of(tags);
        PlcConnectorCheck check = new PlcConnectorCheck(name -> list);
        assertEquals("io.penstock.connector.plc4x", check.pid());
        check.check(properties);
    }

    private static String refusal(Map<String, Object> properties, TagDefinition... tags) {
        return assertThrows(IllegalArgumentException.class, () -> check(properties, tags))
                .getMessage();
    }

    // Five keys must be enough for an integrator's first connection.
    @Test
    void theKeysWithoutDefaultAreEnough() {
        assertDoesNotThrow(() -> check(good()));
    }

    // A missing unit or time limit would be guessed, and the guess may be another device.
    @ParameterizedTest
    @CsvSource({"name", "url", "unitIdentifier", "tags", "lossToBadMs"})
    void aMissingKeyIsNamed(String key) {
        Map<String, Object> properties = good();
        properties.remove(key);
        String message = refusal(properties);
        assertTrue(message.startsWith(key + ":"), message);
    }

    // A value outside its limits is refused, never bent into them.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "url|s7://10.0.0.5|modbus-tcp://",
                "url|modbus-tcp://10.0.0.5?request-timeout=1|without options",
                "url|modbus-tcp://h:70000|65535",
                "unitIdentifier|256|0 to 255",
                "requestTimeoutMs|9|10 to 60000",
                "connectTimeoutMs|60001|100 to 60000",
                "lossToBadMs|-5|0 to 86400000",
                "backoffMinMs|0|10 to 60000",
                "backoffMaxMs|100|500 to 3600000",
                "maxRegistersPerRequest|126|4 to 125",
                "maxBitsPerRequest|2001|1 to 2000",
                "maxGap|121|0 to 120",
                "reprobeMs|1|1000 to 86400000",
                "requestTimeoutMs|fast|fast",
                "name|plc 1|plc 1"
            })
    void aValueOutsideItsLimitsIsRefused(String key, String value, String says) {
        Map<String, Object> properties = good();
        properties.put(key, value);
        String message = refusal(properties);
        assertTrue(message.contains(says), message);
    }

    // A tag that cannot work must be refused when the list is read, with its address, not be Bad for ever.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "holding-register:0|INT|1|false|1 to 65535",
                "holding-register:65536|INT|1|false|1 to 65535",
                "holding-register:65535|REAL|1|false|the last is 65535",
                "holding-registr:1|INT|1|false|holding-register:N",
                "%DB1.DBD4|REAL|1|false|holding-register:N",
                "coil:1|INT|1|false|holds only BOOL",
                "discrete-input:1|REAL|1|false|holds only BOOL",
                "holding-register:1|BOOL|1|false|needs a bit",
                "holding-register:1.16|BOOL|1|false|.0 to .15",
                "coil:1.1|BOOL|1|false|only registers have bits",
                "holding-register:1.3|INT|1|false|one bit of a register is a BOOL",
                "holding-register:1.3|BOOL|1|true|use a coil",
                "input-register:1|INT|1|true|cannot write input-register",
                "discrete-input:1|BOOL|1|true|cannot write discrete-input",
                "holding-register:1|REAL|63|false|at most 125 registers, was 126",
                "coil:1|BOOL|2001|false|at most 2000 bits",
                "holding-register:1|INT|0|false|length: at least 1"
            })
    void aTagThatCannotWorkIsRefused(String address, DataType type, int length, boolean writable, String says) {
        String message =
                refusal(good(), Fixtures.tag("AT-1", address, type, length, ByteOrder.ABCD, Scaling.NONE, writable));
        assertTrue(message.contains("AT-1 at " + address) && message.contains("plc1.csv"), message);
        assertTrue(message.contains(says), message);
    }

    // An element of an array and a tag of the same name would overwrite each other.
    @Test
    void namesAreUniqueAlsoForElements() {
        String message = refusal(
                good(),
                Fixtures.tag("V", "holding-register:1", DataType.INT, 3, ByteOrder.ABCD, Scaling.NONE, false),
                Fixtures.tag("V[1]", "holding-register:9", DataType.INT));
        assertTrue(message.contains("V[1] is used twice"), message);
    }

    // A list of a thousand wrong lines must not make a message of a thousand lines.
    @Test
    void theFirstTwentyFaultsAreTold() {
        TagDefinition[] tags = IntStream.range(0, 25)
                .mapToObj(i -> Fixtures.tag("T" + i, "nowhere:" + i, DataType.INT))
                .toArray(TagDefinition[]::new);
        String message = refusal(good(), tags);
        assertTrue(message.contains("T19 ") && !message.contains("T20 ") && message.contains("and 5 more"), message);
    }

    // A poll period of 0 ms would take the PLC's whole time.
    @Test
    void aPeriodHasLimits() {
        TagDefinition tag = new TagDefinition(
                new TagId("x"), "", "holding-register:1", DataType.INT, 1, ByteOrder.ABCD, 9, Scaling.NONE, "", false);
        assertTrue(refusal(good(), tag).contains("periodMs: 10 to 86400000, was 9"));
    }
}
