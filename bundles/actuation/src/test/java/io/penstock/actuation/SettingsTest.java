// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {
    private static String refusal(Map<String, ?> properties) {
        return assertThrows(IllegalArgumentException.class, () -> Settings.of(properties))
                .getMessage();
    }

    // A plant that forgot a limit would get one that nobody decided.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "name",
                "pipeline",
                "output",
                "target",
                "low",
                "high",
                "maximumExcessPercent",
                "rateUpPerMinute",
                "rateDownPerMinute",
                "deadband",
                "stepLimit",
                "maximumInputAgeMs",
                "validityMs",
                "readBackTolerance",
                "readBackTimeMs",
                "maximumReadBackMismatches",
                "writeDeadlineMs",
                "maximumWriteFailures",
                "maximumConsecutiveRefusals",
                "holdMs",
                "approvedReleases"
            })
    void aMissingLimitIsRefusedByName(String key) {
        Map<String, Object> properties = Rig.properties();
        properties.remove(key);
        assertTrue(refusal(properties).startsWith(key + ": is missing"), refusal(properties));
    }

    // The plant's typing error would become a limit of zero, of one, or of no number at all.
    @ParameterizedTest
    @CsvSource({
        "low, 8.0",
        "low, NaN",
        "high, Infinity",
        "high, much",
        "maximumExcessPercent, 101",
        "maximumExcessPercent, NaN",
        "rateUpPerMinute, 0",
        "rateDownPerMinute, -1",
        "deadband, 7.1",
        "deadband, -0.1",
        "stepLimit, 0.04",
        "stepLimit, 7.1",
        "readBackTolerance, 0.06",
        "name, a b",
        "name, ../etc",
        "readBackTolerance, 0",
        "maximumInputAgeMs, 0",
        "maximumInputAgeMs, 1.5",
        "validityMs, 0",
        "writeDeadlineMs, 2001",
        "writeDeadlineMs, 0",
        "readBackTimeMs, 0",
        "holdMs, 1999",
        "maximumConsecutiveRefusals, -1",
        "watchPeriodMs, 99",
        "periodMinMs, -1",
        "acceptUncertain, perhaps",
        "target, a b",
        "approvedReleases, dose-1.0.0"
    })
    void nonsenseIsRefusedByName(String key, String value) {
        Map<String, Object> properties = Rig.properties();
        properties.put(key, value);
        assertTrue(refusal(properties).startsWith(key + ": "), refusal(properties));
    }

    // true would be a limit of 1.
    @Test
    void aFlagIsNoNumber() {
        Map<String, Object> properties = Rig.properties();
        properties.put("low", true);
        assertEquals("low: a number, was true", refusal(properties));
    }

    // The loop would wait for its read-back longer than it may hold.
    @Test
    void holdingIsLongerThanWritingAndReadingBack() {
        Map<String, Object> properties = Rig.properties();
        properties.put("readBackTimeMs", 9_900L);
        assertEquals("holdMs: at least writeDeadlineMs + readBackTimeMs = 10100, was 10000", refusal(properties));
    }

    // With a deadband of 0 any tolerance passed: a setpoint of 50 counted as inside 1 to 8, and nothing as another
    // writer.
    @Test
    void theToleranceTellsASetpointFromAnother() {
        Map<String, Object> properties = Rig.properties();
        properties.put("deadband", 0);
        properties.put("readBackTolerance", 0.7);
        Settings.of(properties);
        properties.put("readBackTolerance", 0.71);
        assertEquals(
                "readBackTolerance: at most a tenth of high - low = 0.7, or another writer and a setpoint outside pass"
                        + " unseen, was 0.71",
                refusal(properties));
    }

    // A release list from a .cfg file or with another collection type would approve nothing, or everything.
    @Test
    void valuesComeInTheFormsThatConfigurationHas() {
        Map<String, Object> properties = Rig.properties();
        properties.put("low", "1.5");
        properties.put("acceptUncertain", "true");
        properties.put("approvedReleases", List.of("dose 2.0.0"));
        Settings settings = Settings.of(properties);
        assertEquals(1.5, settings.low());
        assertTrue(settings.acceptUncertain());
        assertEquals(Set.of("dose 2.0.0"), settings.approvedReleases());
        assertEquals(Rig.TARGET, settings.readBackTag());
        assertEquals(1_000, settings.watchPeriodMs());
        assertFalse(Settings.of(Rig.properties()).acceptUncertain());
    }

    // The running limits would be replaced by a file that says nonsense.
    @Test
    void theCheckRefusesWhatTheLoopWouldRefuse() {
        ActuationCheck check = new ActuationCheck();
        assertEquals("io.penstock.actuation", check.pid());
        check.check(Rig.properties());
        Map<String, Object> properties = Rig.properties();
        properties.put("high", 0.5);
        assertThrows(IllegalArgumentException.class, () -> check.check(properties));
    }
}
