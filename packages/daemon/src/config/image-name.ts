// An image that nobody has typed: its name comes from config.toml, and an error about it must say so.
import { BangerError, type EffectiveSpec } from "@banger/api";

/** What `found` resolves to. Throws its `image.not_found` with the setting that named the image. */
export async function withNameSource<T>({ source }: Pick<EffectiveSpec["image"], "source">, found: Promise<T>): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (source !== "config" || !(error instanceof BangerError) || error.code !== "image.not_found") throw error;
    const { message, ...body } = error.toBody();
    throw BangerError.fromBody({ ...body, message: `${message}, which config.toml names as default_image_name` });
  }
}
