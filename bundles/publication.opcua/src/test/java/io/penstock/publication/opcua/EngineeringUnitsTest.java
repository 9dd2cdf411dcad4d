// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class EngineeringUnitsTest {
    // A SCADA matches units by id; a wrong one shows NTU where mg/l flows.
    @Test
    void idsAreThoseOfTheOfficialTable() {
        Map.of(
                        "NTU", 5_133_397, "FNU", 4_607_573, "M1", 19_761, "A93", 4_274_483, "MQH", 5_067_080, "E32",
                        4_535_090, "G42", 4_666_418, "CEL", 4_408_652, "2Z", 12_890, "Q30", 5_321_520)
                .forEach(
                        (code, id) -> assertEquals(id, EngineeringUnits.of(code).getUnitId(), code));
        assertEquals("mg/l", EngineeringUnits.of("M1").getDisplayName().text());
        assertEquals("XYZ", EngineeringUnits.of("XYZ").getDisplayName().text());
    }
}
