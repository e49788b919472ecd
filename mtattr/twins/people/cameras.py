"""The cameras of the pedestrian twins: view, light and sensor of each."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """One fixed street camera.

    ground, wall: what is drawn ("tiles", "asphalt", "bricks", "lawn", "slabs"; "glass", "stone",
    "hedge", "trees", "facade").
    strip: colour of the lane between ground and wall, `strip_depth` its share of the way. horizon,
    kerb: heights of the horizon and of the ground's far edge in the person's frame (feet 0.5, head
    -0.5). pitch: downward tilt (sine).
    light: direction of the sun from the left (-1) to the right (1); sun: 0 overcast, 1 hard light
    and shadows.
    cast: gain of red, green and blue; gain, contrast; blur: 0 sharp, 1 a poor lens; noise: grain of
    the sensor.
    near, far: how much of the image's height a person takes. furniture: what stands about.
    """

    ground: str
    ground_colour: Colour
    second_colour: Colour
    wall: str
    wall_colour: Colour
    wall_second: Colour
    strip: Colour
    strip_depth: float
    horizon: float
    kerb: float
    pitch: float
    light: float
    sun: float
    cast: Colour
    gain: float
    contrast: float
    blur: float
    noise: float
    near: float
    far: float
    furniture: str


MARKET_CAMERAS = (
    Camera("tiles", (0.66, 0.63, 0.58), (0.56, 0.50, 0.45), "glass", (0.42, 0.45, 0.46),
           (0.72, 0.74, 0.72), (0.58, 0.57, 0.55), 0.20, -1.35, -0.16, 0.20, -0.6, 0.35,
           (1.02, 1.00, 0.97), 1.00, 1.02, 0.10, 0.005, 0.96, 0.85, "bicycle"),
    Camera("slabs", (0.60, 0.61, 0.60), (0.50, 0.51, 0.50), "hedge", (0.25, 0.36, 0.20),
           (0.36, 0.50, 0.27), (0.46, 0.56, 0.32), 0.45, -1.60, -0.30, 0.24, 0.5, 0.15,
           (0.95, 1.01, 1.05), 0.96, 0.92, 0.30, 0.0075, 0.95, 0.83, "planter"),
    Camera("bricks", (0.66, 0.53, 0.45), (0.55, 0.44, 0.39), "stone", (0.70, 0.66, 0.58),
           (0.60, 0.56, 0.49), (0.56, 0.50, 0.42), 0.12, -1.20, -0.05, 0.17, 0.8, 0.90,
           (1.06, 1.00, 0.91), 1.10, 1.10, 0.05, 0.004, 0.98, 0.89, "bicycle"),
    Camera("asphalt", (0.44, 0.45, 0.47), (0.50, 0.51, 0.52), "facade", (0.62, 0.58, 0.55),
           (0.30, 0.34, 0.38), (0.64, 0.63, 0.60), 0.25, -1.00, -0.22, 0.14, -0.3, 0.10,
           (0.97, 1.00, 1.03), 0.90, 0.94, 0.20, 0.007, 0.96, 0.85, "car"),
    Camera("tiles", (0.72, 0.71, 0.70), (0.62, 0.63, 0.64), "trees", (0.30, 0.40, 0.25),
           (0.45, 0.55, 0.33), (0.48, 0.56, 0.36), 0.55, -1.80, -0.36, 0.27, -0.8, 0.75,
           (1.03, 1.01, 0.96), 1.06, 1.05, 0.15, 0.005, 0.93, 0.81, "pole"),
    Camera("slabs", (0.58, 0.55, 0.50), (0.48, 0.46, 0.42), "glass", (0.36, 0.37, 0.38),
           (0.60, 0.58, 0.52), (0.52, 0.49, 0.45), 0.30, -1.40, -0.12, 0.20, 0.2, 0.20,
           (1.08, 0.99, 0.88), 0.92, 0.88, 0.85, 0.012, 0.95, 0.85, "bicycle"),
)  # fmt: skip

DUKE_CAMERAS = (
    Camera("slabs", (0.62, 0.60, 0.57), (0.52, 0.50, 0.48), "stone", (0.55, 0.52, 0.45),
           (0.44, 0.42, 0.37), (0.42, 0.46, 0.30), 0.40, -1.10, -0.22, 0.16, 0.4, 0.20,
           (1.00, 1.00, 1.00), 0.98, 1.00, 0.05, 0.004, 0.89, 0.79, "pole"),
    Camera("lawn", (0.45, 0.47, 0.29), (0.38, 0.41, 0.25), "trees", (0.34, 0.33, 0.26),
           (0.46, 0.44, 0.33), (0.62, 0.60, 0.56), 0.30, -1.30, -0.34, 0.18, -0.7, 0.70,
           (1.05, 1.00, 0.94), 1.04, 1.06, 0.05, 0.004, 0.87, 0.75, "planter"),
    Camera("bricks", (0.56, 0.43, 0.38), (0.48, 0.38, 0.34), "facade", (0.50, 0.47, 0.42),
           (0.26, 0.30, 0.33), (0.52, 0.47, 0.42), 0.20, -1.00, -0.18, 0.14, 0.7, 0.10,
           (0.96, 1.00, 1.04), 0.88, 0.95, 0.12, 0.006, 0.89, 0.79, "bicycle"),
    Camera("asphalt", (0.50, 0.50, 0.51), (0.56, 0.56, 0.56), "hedge", (0.24, 0.30, 0.20),
           (0.33, 0.40, 0.25), (0.58, 0.56, 0.53), 0.25, -1.50, -0.28, 0.22, -0.2, 0.30,
           (0.98, 1.01, 0.98), 1.00, 0.98, 0.10, 0.005, 0.89, 0.77, "car"),
    Camera("tiles", (0.57, 0.56, 0.55), (0.48, 0.47, 0.47), "glass", (0.33, 0.37, 0.41),
           (0.62, 0.66, 0.68), (0.50, 0.50, 0.50), 0.20, -1.20, -0.10, 0.17, 0.1, 0.05,
           (0.94, 1.00, 1.07), 0.86, 0.92, 0.25, 0.008, 0.91, 0.81, "pole"),
    Camera("slabs", (0.70, 0.67, 0.61), (0.60, 0.57, 0.52), "stone", (0.62, 0.56, 0.46),
           (0.50, 0.46, 0.39), (0.48, 0.48, 0.33), 0.50, -1.60, -0.36, 0.24, 0.9, 0.90,
           (1.07, 1.01, 0.92), 1.10, 1.10, 0.05, 0.0035, 0.87, 0.75, "planter"),
    Camera("lawn", (0.40, 0.44, 0.27), (0.34, 0.38, 0.24), "facade", (0.58, 0.53, 0.46),
           (0.30, 0.32, 0.34), (0.60, 0.58, 0.54), 0.55, -1.80, -0.40, 0.27, -0.5, 0.40,
           (1.01, 1.00, 0.97), 0.98, 1.02, 0.15, 0.005, 0.87, 0.75, "bicycle"),
    Camera("asphalt", (0.40, 0.41, 0.43), (0.46, 0.47, 0.48), "trees", (0.26, 0.29, 0.24),
           (0.38, 0.40, 0.31), (0.44, 0.44, 0.36), 0.35, -1.30, -0.20, 0.19, -0.9, 0.15,
           (0.95, 1.00, 1.05), 0.84, 0.93, 0.35, 0.009, 0.89, 0.79, "car"),
)  # fmt: skip

CAMERAS = {"market1501": MARKET_CAMERAS, "duke": DUKE_CAMERAS}
