// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.preprocessing.FeatureEngine.UnitConversion;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Conversions between units given by UNECE Recommendation 20 common codes. Factors are the exact definitions as fractions,
 * not the rounded ones of the recommendation's table, and are rounded once, to the nearest double, at the end.
 *
 * <p>Codes are compared, never texts: C73 is shown as "pH" and is picohenry; pH is Q30. NTU and FNU measure at different
 * wavelengths and ppm says nothing about mass per volume: neither converts.
 */
final class Units {
    /** {@code code factor [offset]} in the base unit of the line's quantity; a factor may be a fraction. */
    private static final String TABLE = """
            temperature: KEL 1, CEL 1 273.15, FAH 5/9 45967/180, A48 5/9
            pressure: PAL 1, A97 100, KPA 1000, MPA 1000000, BAR 100000, MBR 100, HBA 10000000, 74 0.001, E01 10000, \
            ATM 101325, ATT 98066.5, PS 4.4482216152605/0.00064516, HN 133.322387415, HP 9.80665, H78 98.0665, \
            F79 3386.388640341, F78 249.08891
            volumeFlow: MQS 1, MQH 1/3600, G53 1/60, G52 1/86400, TQD 1000/86400, G51 1/1000, L2 1/60000, E32 1/3600000, \
            LD 1/86400000, 4X 1/3600, 40 1/1000000, 41 1/60000000, G55 1/3600000000, G54 1/86400000000, 2J 1/1000000, \
            E17 0.028316846592, 2L 0.028316846592/60, 2K 0.028316846592/3600, K22 0.028316846592/86400, \
            K30 0.003785411784, G2 0.003785411784/60, GB 0.003785411784/86400, G3 0.00454609/60, K27 0.00454609/3600
            massFlow: KGS 1, E93 1/3600, F31 1/60, F30 1/86400, F29 1/1000, F28 1/60000, F27 1/3600000, F26 1/86400000, \
            F34 1/1000000, F33 1/60000000, 4M 1/3600000000, E18 1000/3600, L71 1000/86400, 4U 0.45359237/3600
            length: MTR 1, KMT 1000, CMT 1/100, MMT 1/1000, 4H 1/1000000, C45 1/1000000000, INH 0.0254, FOT 0.3048, \
            YRD 0.9144, SMI 1609.344
            area: MTK 1, CMK 1/10000, MMK 1/1000000, KMK 1000000, HAR 10000, FTK 0.09290304, INK 0.00064516
            volume: MTQ 1, LTR 1/1000, DMQ 1/1000, HLT 1/10, MLT 1/1000000, CMQ 1/1000000, MMQ 1/1000000000, \
            4G 1/1000000000, FTQ 0.028316846592, INQ 0.000016387064, GLL 0.003785411784, GLI 0.00454609, BLL 0.158987294928
            mass: KGM 1, GRM 1/1000, MGM 1/1000000, MC 1/1000000000, TNE 1000, 2U 1000, LBR 0.45359237, ONZ 0.028349523125, \
            LTN 1016.0469088, STN 907.18474
            concentration: KMQ 1, GL 1, F23 1, M1 1/1000, A93 1/1000, GP 1/1000000, H29 1/1000000, GQ 1/1000000000, \
            GJ 1000, 23 1000, B34 1000, B35 1000, B72 1000, D41 1000
            amountConcentration: C36 1, M33 1, C38 1000, C35 1000, B46 1000
            massFraction: M29 1, H64 1/1000, NA 1/1000000, J33 1/1000000000
            volumeFraction: H60 1, K62 1, L19 1/1000, H65 1/1000000, J36 1/1000000
            ratio: C62 1, P1 1/100, 59 1/1000000, 61 1/1000000000
            time: SEC 1, C26 1/1000, B98 1/1000000, C47 1/1000000000, MIN 60, HUR 3600, DAY 86400, WEE 604800
            speed: MTS 1, C16 1/1000, 2M 1/100, 2X 1/60, KMH 1/3.6, FS 0.3048, FR 0.3048/60, HM 0.44704, KNT 1852/3600
            power: WTT 1, D80 1/1000000, C31 1/1000, KWT 1000, MAW 1000000, A90 1000000000, HJ 735.49875
            apparentPower: D46 1, KVA 1000, MVA 1000000
            reactivePower: D44 1, KVR 1000, MAR 1000000
            energy: JOU 1, KJO 1000, 3B 1000000, GV 1000000000, D30 1000000000000, WHR 3600, KWH 3600000, MWH 3600000000, \
            BTU 1055.05585262
            voltage: VLT 1, 2Z 1/1000, KVT 1000
            current: AMP 1, 4K 1/1000, B84 1/1000000, B22 1000
            resistance: OHM 1, B49 1000, B75 1000000
            conductance: SIE 1, C27 1/1000, B99 1/1000000
            conductivity: D10 1, H61 1/10, G42 1/10000, H43 100, G43 1/1000000, G44 1/10000000, G45 1/1000000000
            frequency: HTZ 1, KHZ 1000, MHZ 1000000
            rotation: RPS 1, RPM 1/60
            rate: C97 1, E91 1/86400
            force: NEW 1, B47 1000
            dynamicViscosity: C65 1, C24 1/1000, C7 1/1000
            absorptionPerLength: C92 1, E90 100
            inductance: 81 1, C14 1/1000, B90 1/1000000, C43 1/1000000000, C73 1/1000000000000
            pH: Q30 1
            nephelometricTurbidity: NTU 1
            formazinTurbidity: FNU 1
            planeAngle: DD 1
            """;

    private record Unit(String quantity, Fraction factor, Fraction offset) {}

    /** An exact number; denominators are positive. */
    private record Fraction(BigInteger over, BigInteger under) {
        static Fraction parse(String text) {
            int slash = text.indexOf('/');
            BigDecimal over = new BigDecimal(slash < 0 ? text : text.substring(0, slash));
            BigDecimal under = slash < 0 ? BigDecimal.ONE : new BigDecimal(text.substring(slash + 1));
            int scale = Math.max(Math.max(over.scale(), under.scale()), 0);
            return new Fraction(
                    over.movePointRight(scale).toBigIntegerExact(),
                    under.movePointRight(scale).toBigIntegerExact());
        }

        Fraction minus(Fraction other) {
            return new Fraction(
                    over.multiply(other.under).subtract(other.over.multiply(under)), under.multiply(other.under));
        }

        Fraction dividedBy(Fraction positive) {
            return new Fraction(over.multiply(positive.under), under.multiply(positive.over));
        }

        double toDouble() {
            return new BigDecimal(over)
                    .divide(new BigDecimal(under), MathContext.DECIMAL128)
                    .doubleValue();
        }
    }

    private final Map<String, Unit> units = new HashMap<>();

    Units() {
        TABLE.lines().forEach(this::read);
    }

    private void read(String line) {
        int colon = line.indexOf(':');
        for (String entry : line.substring(colon + 1).split(",", -1)) {
            String[] words = entry.trim().split(" ", -1);
            Unit unit = new Unit(
                    line.substring(0, colon),
                    Fraction.parse(words[1]),
                    Fraction.parse(words.length > 2 ? words[2] : "0"));
            if (units.put(words[0], unit) != null) {
                throw new IllegalStateException("unit " + words[0] + " stands twice in the table");
            }
        }
    }

    boolean knows(String unit) {
        return units.containsKey(unit);
    }

    /** Empty codes mean "no unit" and convert to each other. */
    Optional<UnitConversion> conversion(String fromCode, String toCode) {
        if (fromCode.isEmpty() && toCode.isEmpty()) {
            return Optional.of(new UnitConversion(1, 0));
        }
        Unit from = units.get(fromCode);
        Unit to = units.get(toCode);
        if (from == null || to == null || !from.quantity.equals(to.quantity)) {
            return Optional.empty();
        }
        return Optional.of(new UnitConversion(
                from.factor.dividedBy(to.factor).toDouble(),
                from.offset.minus(to.offset).dividedBy(to.factor).toDouble()));
    }
}
