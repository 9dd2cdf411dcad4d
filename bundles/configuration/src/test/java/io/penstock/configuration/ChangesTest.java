// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.TagDefinition;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Had one of these failed, a changed limit of the plant could not be seen later, or a secret could be. */
class ChangesTest {
    @Test
    void aChangedLimitIsToldWithOldAndNewValue() {
        assertEquals(
                "high: 8.0 -> 9.5; intent: queued; stepLimit: 1.5 -> left out",
                Changes.ofKeys(
                        Map.of("high", 8.0, "low", 1L, "stepLimit", 1.5, "name", "dose"),
                        Map.of("high", 9.5, "low", 1L, "intent", "queued", "name", "dose")));
    }

    @Test
    void listsAreComparedByWhatIsInThem() {
        assertEquals("", Changes.ofKeys(Map.of("a", new String[] {"x", "y"}), Map.of("a", new String[] {"x", "y"})));
        assertEquals(
                "a: [x, y] -> [x]; n: [1, 2] -> [1, 3]",
                Changes.ofKeys(
                        Map.of("a", new String[] {"x", "y"}, "n", new long[] {1, 2}),
                        Map.of("a", new String[] {"x"}, "n", new long[] {1, 3})));
    }

    @Test
    void noSecretIsTold() {
        for (String key : List.of(
                "password",
                "userPassword",
                "PASSWD",
                "keyPassphrase",
                "clientSecret",
                "apiToken",
                "credentials",
                "privateKey",
                "pin")) {
            String words = Changes.ofKeys(Map.of(key, "hunter2"), Map.of(key, "hunter3"));
            assertEquals(key + ": *** -> ***", words);
        }
        String words = Changes.ofKeys(
                Map.of(),
                Map.of(
                        "url", "opc.tcp://anna:hunter2@10.0.0.5:4840",
                        "other", "s7://10.0.0.5?password=hunter2&rack=1;token=hunter2"));
        assertFalse(words.contains("hunter2"), words);
        assertTrue(words.contains("opc.tcp://***@10.0.0.5:4840") && words.contains("&rack=1"), words);
    }

    @Test
    void whateverSomebodyWritesItStaysShort() {
        Map<String, Object> many = new TreeMap<>();
        for (int i = 0; i < 10_000; i++) {
            many.put("key" + i, "x".repeat(1_000));
        }
        String words = Changes.ofKeys(Map.of(), many);
        assertTrue(words.length() < 4_000, "length " + words.length());
        assertTrue(words.endsWith(" more keys"), words.substring(words.length() - 60));
    }

    @Test
    void tagsAreCountedAndTheFirstNamed() throws Exception {
        Map<String, TagDefinition> before = new HashMap<>();
        Map<String, TagDefinition> now = new HashMap<>();
        TagDefinition any = tag("A", 1);
        for (int i = 0; i < 20; i++) {
            before.put("T" + i, any);
            now.put("T" + (i + 10), any);
        }
        now.put("T15", tag("A", 2));
        assertEquals(
                "10 tags added (T20 T21 T22 T23 T24 …), 10 tags removed (T0 T1 T2 T3 T4 …), 1 tags changed (T15)",
                Changes.ofTags(before, now));
    }

    private static TagDefinition tag(String name, int address) throws Exception {
        String list = "Tag;Description;Address;DataType;Length;ByteOrder;PeriodMs;RawLow;RawHigh;Low;High;Unit;Access\n"
                + name + ";;holding-register:" + address + ";REAL;;;1000;;;;;M1;R\n";
        return new TagListParser("list.csv", 10_000)
                .parse(list.getBytes(StandardCharsets.UTF_8))
                .get(0);
    }
}
