"""Names of the uniform numbers in [0, 1) behind each face; drawing gives them their meaning."""

from __future__ import annotations

#: Numbers that all pictures of one person share: bones, skin, eyes, natural colours.
IDENTITY_PARAMETERS = (
    "skin_tone", "skin_undertone", "skin_marks", "head_width", "head_height", "jaw_width",
    "chin_width", "chin_length", "cheek_width", "eye_colour", "eye_colour_light", "eye_size",
    "eye_spacing", "eye_tilt", "eye_depth", "lid_fold", "brow_tone", "brow_height",
    "brow_thickness", "brow_length", "brow_slope", "nose_width", "nose_length", "nose_tip",
    "nose_bridge", "mouth_width", "lip_fullness", "lip_bow", "lip_tone", "ear_size", "ear_place",
    "neck_width", "shoulder_width", "hairline_height", "hairline_shape", "hair_tone", "hair_warmth",
    "hair_unnamed", "hair_thickness", "beard_tone", "wrinkle_seed", "asymmetry", "identity_spare_1",
    "identity_spare_2",
)  # fmt: skip

#: Numbers of one picture: pose, light, expression, hair and clothes of the day, backdrop, camera.
IMAGE_PARAMETERS = (
    "shift_x", "shift_y", "scale", "roll", "yaw", "pitch", "light_side", "light_height",
    "light_hardness", "light_warmth", "ambient", "gaze_x", "gaze_y", "eye_openness", "brow_raise",
    "smile_strength", "smile_skew", "mouth_gap", "contrast_of_signs", "hair_length", "hair_volume",
    "hair_parting", "hair_sweep", "hair_front", "hair_gloss", "hair_wave_size", "hair_wave_phase",
    "hair_tile", "hair_offset", "hair_ends", "bangs_length", "bald_rim", "beard_density",
    "beard_length", "makeup_colour", "makeup_strength", "lipstick_colour", "lipstick_gloss",
    "blush_strength", "glasses_kind", "glasses_colour", "glasses_size", "glasses_glare", "hat_kind",
    "hat_colour", "hat_second", "hat_depth", "hat_tilt", "earring_kind", "earring_size", "metal",
    "gem_colour", "necklace_kind", "necklace_length", "tie_colour", "tie_pattern", "clothes_kind",
    "clothes_colour", "clothes_light", "clothes_second", "clothes_pattern", "neckline",
    "backdrop_kind", "backdrop_colour", "backdrop_light", "backdrop_second", "backdrop_u",
    "backdrop_v", "backdrop_scale", "backdrop_tile", "exposure", "warmth", "contrast", "saturation",
    "soft_focus", "blur", "grain", "grain_tile", "vignette", "skin_tile", "skin_offset", "spare_0",
    "spare_1", "spare_2", "spare_3", "spare_4",
)  # fmt: skip
