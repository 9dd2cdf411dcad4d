// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.util.Map;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.structured.EUInformation;

/**
 * UNECE common codes as OPC UA shows them (Part 8 §5.6.4.3): the unit id is the code's characters as one number. Clients
 * match by id; the text is for people, and where it is not known here the code itself.
 */
final class EngineeringUnits {
    private static final String NAMESPACE = "http://www.opcfoundation.org/UA/units/un/cefact";
    private static final Map<String, String> TEXTS = Map.ofEntries(
            Map.entry("NTU", "NTU"),
            Map.entry("FNU", "FNU"),
            Map.entry("M1", "mg/l"),
            Map.entry("A93", "g/m³"),
            Map.entry("MQH", "m³/h"),
            Map.entry("MQS", "m³/s"),
            Map.entry("E32", "l/h"),
            Map.entry("L2", "l/min"),
            Map.entry("G51", "l/s"),
            Map.entry("LTR", "l"),
            Map.entry("MTQ", "m³"),
            Map.entry("G42", "µS/cm"),
            Map.entry("CEL", "°C"),
            Map.entry("KEL", "K"),
            Map.entry("C92", "m⁻¹"),
            Map.entry("2Z", "mV"),
            Map.entry("VLT", "V"),
            Map.entry("AMP", "A"),
            Map.entry("4K", "mA"),
            Map.entry("KWT", "kW"),
            Map.entry("KWH", "kW·h"),
            Map.entry("HTZ", "Hz"),
            Map.entry("RPM", "r/min"),
            Map.entry("SEC", "s"),
            Map.entry("MIN", "min"),
            Map.entry("HUR", "h"),
            Map.entry("BAR", "bar"),
            Map.entry("MBR", "mbar"),
            Map.entry("PAL", "Pa"),
            Map.entry("KPA", "kPa"),
            Map.entry("MTR", "m"),
            Map.entry("MMT", "mm"),
            Map.entry("MTS", "m/s"),
            Map.entry("P1", "%"),
            Map.entry("C62", "1"),
            Map.entry("Q30", "pH"),
            Map.entry("KGM", "kg"),
            Map.entry("TNE", "t"));

    private EngineeringUnits() {}

    static EUInformation of(String code) {
        int id = 0;
        for (int i = 0; i < code.length(); i++) {
            id = (id << 8) | (code.charAt(i) & 0xFF);
        }
        String text = TEXTS.getOrDefault(code, code);
        return new EUInformation(NAMESPACE, id, LocalizedText.english(text), LocalizedText.english(text));
    }
}
