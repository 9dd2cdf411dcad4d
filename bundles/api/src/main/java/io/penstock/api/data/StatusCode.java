// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.data;

/**
 * OPC UA status codes as ints (OPC UA Part 4 §7.39, Part 8 §6.3.2), so that a cycle can carry them without allocation.
 * Stateless.
 */
public final class StatusCode {
    public static final int GOOD = 0;
    public static final int GOOD_LOCAL_OVERRIDE = 0x00960000;
    public static final int GOOD_CLAMPED = 0x00300000;
    public static final int GOOD_SUB_NORMAL = 0x00EB0000;

    public static final int UNCERTAIN = 0x40000000;
    public static final int UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE = 0x408F0000;
    public static final int UNCERTAIN_LAST_USABLE_VALUE = 0x40900000;
    public static final int UNCERTAIN_SUBSTITUTE_VALUE = 0x40910000;
    public static final int UNCERTAIN_INITIAL_VALUE = 0x40920000;
    public static final int UNCERTAIN_SENSOR_NOT_ACCURATE = 0x40930000;
    public static final int UNCERTAIN_ENGINEERING_UNITS_EXCEEDED = 0x40940000;
    public static final int UNCERTAIN_SUB_NORMAL = 0x40950000;
    public static final int UNCERTAIN_SIMULATED_VALUE = 0x42090000;
    public static final int UNCERTAIN_SENSOR_CALIBRATION = 0x420A0000;

    public static final int BAD = 0x80000000;
    public static final int BAD_INTERNAL_ERROR = 0x80020000;
    public static final int BAD_COMMUNICATION_ERROR = 0x80050000;
    public static final int BAD_TIMEOUT = 0x800A0000;
    public static final int BAD_INVALID_TIMESTAMP = 0x80230000;
    public static final int BAD_NO_COMMUNICATION = 0x80310000;
    public static final int BAD_WAITING_FOR_INITIAL_DATA = 0x80320000;
    public static final int BAD_NODE_ID_UNKNOWN = 0x80340000;
    public static final int BAD_NOT_WRITABLE = 0x803B0000;
    public static final int BAD_OUT_OF_RANGE = 0x803C0000;
    public static final int BAD_NOT_SUPPORTED = 0x803D0000;
    public static final int BAD_TYPE_MISMATCH = 0x80740000;
    public static final int BAD_CONFIGURATION_ERROR = 0x80890000;
    public static final int BAD_NOT_CONNECTED = 0x808A0000;
    public static final int BAD_DEVICE_FAILURE = 0x808B0000;
    public static final int BAD_SENSOR_FAILURE = 0x808C0000;
    public static final int BAD_OUT_OF_SERVICE = 0x808D0000;

    /** LimitBits "Low" and "High" of a DataValue status (Part 4 §7.39.1, InfoType DataValue set). */
    public static final int LIMIT_LOW = 0x0500;

    public static final int LIMIT_HIGH = 0x0600;

    private StatusCode() {}

    public static boolean isGood(int status) {
        return (status & 0xC0000000) == 0;
    }

    public static boolean isUncertain(int status) {
        return (status & 0xC0000000) == 0x40000000;
    }

    public static boolean isBad(int status) {
        return (status & 0x80000000) != 0;
    }

    /** The worse of two codes by severity; the first where both are equally bad. */
    public static int worse(int first, int second) {
        return (second >>> 30) > (first >>> 30) ? second : first;
    }

    /** The symbolic name, or {@code 0x%08X} where this page does not name it; info bits are ignored. */
    public static String name(int status) {
        return switch (status & 0xFFFF0000) {
            case GOOD -> "Good";
            case GOOD_LOCAL_OVERRIDE -> "GoodLocalOverride";
            case GOOD_CLAMPED -> "GoodClamped";
            case GOOD_SUB_NORMAL -> "GoodSubNormal";
            case UNCERTAIN -> "Uncertain";
            case UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE -> "UncertainNoCommunicationLastUsableValue";
            case UNCERTAIN_LAST_USABLE_VALUE -> "UncertainLastUsableValue";
            case UNCERTAIN_SUBSTITUTE_VALUE -> "UncertainSubstituteValue";
            case UNCERTAIN_INITIAL_VALUE -> "UncertainInitialValue";
            case UNCERTAIN_SENSOR_NOT_ACCURATE -> "UncertainSensorNotAccurate";
            case UNCERTAIN_ENGINEERING_UNITS_EXCEEDED -> "UncertainEngineeringUnitsExceeded";
            case UNCERTAIN_SUB_NORMAL -> "UncertainSubNormal";
            case UNCERTAIN_SIMULATED_VALUE -> "UncertainSimulatedValue";
            case UNCERTAIN_SENSOR_CALIBRATION -> "UncertainSensorCalibration";
            case BAD -> "Bad";
            case BAD_INTERNAL_ERROR -> "BadInternalError";
            case BAD_COMMUNICATION_ERROR -> "BadCommunicationError";
            case BAD_TIMEOUT -> "BadTimeout";
            case BAD_INVALID_TIMESTAMP -> "BadInvalidTimestamp";
            case BAD_NO_COMMUNICATION -> "BadNoCommunication";
            case BAD_WAITING_FOR_INITIAL_DATA -> "BadWaitingForInitialData";
            case BAD_NODE_ID_UNKNOWN -> "BadNodeIdUnknown";
            case BAD_NOT_WRITABLE -> "BadNotWritable";
            case BAD_OUT_OF_RANGE -> "BadOutOfRange";
            case BAD_NOT_SUPPORTED -> "BadNotSupported";
            case BAD_TYPE_MISMATCH -> "BadTypeMismatch";
            case BAD_CONFIGURATION_ERROR -> "BadConfigurationError";
            case BAD_NOT_CONNECTED -> "BadNotConnected";
            case BAD_DEVICE_FAILURE -> "BadDeviceFailure";
            case BAD_SENSOR_FAILURE -> "BadSensorFailure";
            case BAD_OUT_OF_SERVICE -> "BadOutOfService";
            default -> String.format("0x%08X", status);
        };
    }
}
