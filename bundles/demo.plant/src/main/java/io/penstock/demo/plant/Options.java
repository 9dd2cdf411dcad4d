// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import java.nio.file.Path;

/**
 * The command line.
 *
 * @param modbusPort TCP port of the PLC.
 * @param opcUaPort TCP port of the OPC UA server.
 * @param speed seconds of the plant per second of the wall clock.
 * @param seed of all noise.
 * @param watchdogSeconds wall-clock seconds after which the PLC stops believing a remote setpoint.
 * @param home keys, certificates, password.
 */
record Options(int modbusPort, int opcUaPort, double speed, long seed, double watchdogSeconds, Path home) {
    static final String USAGE = """
            usage: DemoPlant [--modbus-port N] [--opcua-port N] [--speed X] [--seed S] [--watchdog-seconds W] [--home DIR]
              --modbus-port N        PLC on Modbus TCP, loopback only (default 1502)
              --opcua-port N         OPC UA server, loopback only (default 4841)
              --speed X              seconds of the plant per second, 0.1 to 3600 (default 60)
              --seed S               of all noise (default 1)
              --watchdog-seconds W   until the PLC drops a remote setpoint that is not written again, 1 to 600 (default 10)
              --home DIR             keys, certificates, password (default plant-home)
            commands on standard input, its end ends the plant: %s""".formatted(Commands.HELP);

    Options {
        port("--modbus-port", modbusPort);
        port("--opcua-port", opcUaPort);
        if (modbusPort == opcUaPort) {
            throw new IllegalArgumentException("--modbus-port and --opcua-port: must differ, both were " + modbusPort);
        }
        range("--speed", speed, 0.1, 3600);
        range("--watchdog-seconds", watchdogSeconds, 1, 600);
    }

    private static void port(String option, int port) {
        if (port < 1 || port > 65_535) {
            throw new IllegalArgumentException(option + ": 1 to 65535, was " + port);
        }
    }

    private static void range(String option, double value, double low, double high) {
        if (!(value >= low && value <= high)) {
            throw new IllegalArgumentException(option + ": " + low + " to " + high + ", was " + value);
        }
    }

    static Options parse(String... arguments) {
        int modbusPort = 1502;
        int opcUaPort = 4841;
        double speed = 60;
        long seed = 1;
        double watchdogSeconds = 10;
        Path home = Path.of("plant-home");
        for (int i = 0; i < arguments.length; i += 2) {
            if (i + 1 == arguments.length) {
                throw new IllegalArgumentException(arguments[i] + ": a value is missing");
            }
            String value = arguments[i + 1];
            try {
                switch (arguments[i]) {
                    case "--modbus-port" -> modbusPort = Integer.parseInt(value);
                    case "--opcua-port" -> opcUaPort = Integer.parseInt(value);
                    case "--speed" -> speed = Double.parseDouble(value);
                    case "--seed" -> seed = Long.parseLong(value);
                    case "--watchdog-seconds" -> watchdogSeconds = Double.parseDouble(value);
                    case "--home" -> home = Path.of(value);
                    default -> throw new IllegalArgumentException("no option " + arguments[i]);
                }
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(arguments[i] + ": a number is needed, was '" + value + "'", e);
            }
        }
        return new Options(modbusPort, opcUaPort, speed, seed, watchdogSeconds, home);
    }
}
