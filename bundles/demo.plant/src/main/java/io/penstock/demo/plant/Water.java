// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

/**
 * The raw water as it is, which no instrument knows.
 *
 * @param turbidity NTU.
 * @param uv254 absorbance at 254 nm, 1/m.
 * @param temperature °C.
 * @param alkalinity mg/l CaCO3.
 * @param ph pH.
 * @param carbon dissolved organic carbon, mg/l.
 * @param conductivity µS/cm.
 * @param flow m³/h.
 */
public record Water(
        double turbidity,
        double uv254,
        double temperature,
        double alkalinity,
        double ph,
        double carbon,
        double conductivity,
        double flow) {}
