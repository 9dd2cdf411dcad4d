// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;

/** The disturbances by name, the same for standard input and OPC UA methods. Called on the plant's thread. */
final class Commands {
    static final String HELP =
            "storm | freeze TAG | foul [TAG] | wirebreak TAG | pumpfail | silent on|off | remote on|off"
                    + " | clear | status";

    private final Plant plant;
    private final ModbusFace modbus;

    Commands(Plant plant, ModbusFace modbus) {
        this.plant = plant;
        this.modbus = modbus;
    }

    /**
     * @return the answer, one line.
     * @throws IllegalArgumentException if the line is no command; the message says what would be.
     */
    String run(String line, long nowNanos) {
        String[] words = line.strip().split("\\s+", -1);
        String argument = words.length > 1 ? words[1] : "";
        if (words.length > 2) {
            throw new IllegalArgumentException("'" + line.strip() + "' has more than one argument; commands: " + HELP);
        }
        switch (words[0].toLowerCase(Locale.ROOT)) {
            case "storm" -> plant.storm();
            case "freeze" -> plant.instrument(PlantTag.instrument(argument)).freeze();
            case "foul" ->
                plant.instrument(PlantTag.instrument(argument.isEmpty() ? "AT-1002A" : argument))
                        .foul(plant.hour());
            case "wirebreak" -> plant.instrument(PlantTag.instrument(argument)).breakWire();
            case "pumpfail" -> plant.plc().failPump(true);
            case "silent" -> modbus.setSilent(on(argument));
            case "remote" -> plant.plc().selectRemote(on(argument));
            case "clear" -> {
                plant.clearFaults();
                modbus.setSilent(false);
                plant.plc().selectRemote(true);
            }
            case "status" -> {
                return status(nowNanos);
            }
            default -> throw new IllegalArgumentException("no command '" + words[0] + "'; commands: " + HELP);
        }
        return "ok " + line.strip();
    }

    private static boolean on(String argument) {
        return switch (argument.toLowerCase(Locale.ROOT)) {
            case "on" -> true;
            case "off" -> false;
            default -> throw new IllegalArgumentException("on or off, was '" + argument + "'");
        };
    }

    /** The true state, one line of JSON; numbers that do not exist are null. */
    private String status(long nowNanos) {
        Plc plc = plant.plc();
        Water water = plant.water();
        StringJoiner json = new StringJoiner(",", "{", "}");
        number(json, "plantSeconds", plant.seconds());
        number(json, "turbidity", water.turbidity());
        number(json, "uv254", water.uv254());
        number(json, "temperature", water.temperature());
        number(json, "alkalinity", water.alkalinity());
        number(json, "flow", water.flow());
        number(json, "bestDose", Coagulation.bestDose(water));
        number(json, "curveDose", Plc.curve(plant.reading(PlantTag.AT_1002B)));
        number(json, "setpointRequested", plc.requested());
        number(json, "setpointAge", plc.requestAgeSeconds(nowNanos));
        number(json, "setpointUsed", plc.used());
        json.add("\"plcState\":\"" + plc.state() + '"');
        json.add("\"remoteSelected\":" + plc.isRemoteSelected());
        json.add("\"setpointsAccepted\":" + plc.accepted());
        json.add("\"setpointsClamped\":" + plc.clamped());
        json.add("\"setpointsRefused\":" + plc.refused());
        number(json, "dose", plc.dose());
        number(json, "coagulatedPh", plant.works().ph());
        number(json, "settledTurbidity", plant.works().settled());
        number(json, "filteredTurbidity", plant.works().filtered());
        number(json, "aluminiumKilograms", plc.aluminiumKilograms());
        json.add("\"lifeCounter\":" + plc.lifeCounter());
        json.add("\"pumpFailed\":" + plc.isPumpFailed());
        json.add("\"silent\":" + modbus.isSilent());
        json.add("\"faults\":[" + String.join(",", faults()) + "]");
        return json.toString();
    }

    private List<String> faults() {
        List<String> faults = new ArrayList<>();
        for (PlantTag tag : PlantTag.values()) {
            if (tag.isMeasured() && !plant.instrument(tag).fault().isEmpty()) {
                faults.add('"' + plant.instrument(tag).fault() + ' ' + tag.tag() + '"');
            }
        }
        return faults;
    }

    private static void number(StringJoiner json, String name, double value) {
        json.add('"' + name + "\":" + (Double.isFinite(value) ? String.format(Locale.ROOT, "%.6f", value) : "null"));
    }

    /** Bound on waiting for the plant's thread. */
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);
}
