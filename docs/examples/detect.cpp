// Objects in a photo, by an exported detector and OpenVINO, which reads both MODEL.xml and MODEL.onnx.
//
//   detect MODEL PHOTO.ppm [SCORE_THRESHOLD [IOU_THRESHOLD]]
//
// prints one object a line: label, score, left, top, right, bottom in pixels of the photo. The photo is a binary PPM, which
// every image program writes, so that this file needs no image library. Build it with the OpenVINO of `pip install openvino`:
//
//   OV=$(python -c 'import openvino; print(openvino.__path__[0])')
//   g++ -std=c++17 -O2 detect.cpp -I$OV/include $OV/libs/libopenvino.so.* -Wl,-rpath,$OV/libs -o detect
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>

struct Image {
    int width = 0, height = 0;
    std::vector<uint8_t> rgb;  // height x width x 3
};

struct Found {
    int label;
    float score, box[4];
};

Image read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string kind;
    Image image;
    int largest = 0;
    if (!(file >> kind >> image.width >> image.height >> largest) || kind != "P6" || largest != 255)
        throw std::runtime_error("Expected a binary PPM of 8 bits in " + path);
    file.get();
    image.rgb.resize(size_t(image.width) * image.height * 3);
    if (!file.read(reinterpret_cast<char*>(image.rgb.data()), image.rgb.size()))
        throw std::runtime_error("Expected a whole image in " + path);
    return image;
}

// Bilinear, as the detector saw its images in training, into channels x height x width.
template <typename Value>
void resize_into(const Image& image, int width, int height, Value* planes) {
    for (int y = 0; y < height; ++y) {
        const float row = std::max((y + 0.5f) * image.height / height - 0.5f, 0.0f);
        const int y0 = std::min(int(row), image.height - 1), y1 = std::min(y0 + 1, image.height - 1);
        for (int x = 0; x < width; ++x) {
            const float column = std::max((x + 0.5f) * image.width / width - 0.5f, 0.0f);
            const int x0 = std::min(int(column), image.width - 1), x1 = std::min(x0 + 1, image.width - 1);
            const float down = row - y0, right = column - x0;
            for (int channel = 0; channel < 3; ++channel) {
                auto at = [&](int r, int c) { return float(image.rgb[(size_t(r) * image.width + c) * 3 + channel]); };
                const float top = at(y0, x0) * (1 - right) + at(y0, x1) * right;
                const float bottom = at(y1, x0) * (1 - right) + at(y1, x1) * right;
                planes[(size_t(channel) * height + y) * width + x] = Value(std::lround(top * (1 - down) + bottom * down));
            }
        }
    }
}

float overlap(const float* a, const float* b) {
    const float width = std::min(a[2], b[2]) - std::max(a[0], b[0]), height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
    const float common = std::max(width, 0.0f) * std::max(height, 0.0f);
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common);
}

int main(int count, char** arguments) try {
    if (count < 3) throw std::runtime_error("Expected detect MODEL PHOTO.ppm [SCORE_THRESHOLD [IOU_THRESHOLD]]");
    const float score_threshold = count > 3 ? std::atof(arguments[3]) : 0.3f;
    const float iou_threshold = count > 4 ? std::atof(arguments[4]) : 0.6f;
    const Image photo = read_ppm(arguments[2]);

    ov::Core core;
    auto model = core.compile_model(arguments[1], "CPU", ov::hint::inference_precision(ov::element::f32));
    const auto input = model.input();
    const int height = input.get_partial_shape()[2].get_length(), width = input.get_partial_shape()[3].get_length();
    ov::Tensor images(input.get_element_type(), {1, 3, size_t(height), size_t(width)});
    if (images.get_element_type() == ov::element::u8)
        resize_into(photo, width, height, images.data<uint8_t>());
    else
        resize_into(photo, width, height, images.data<float>());
    auto request = model.create_infer_request();
    request.set_input_tensor(images);
    request.infer();
    const ov::Tensor boxes = request.get_tensor("boxes"), scores = request.get_tensor("scores");
    const size_t anchors = scores.get_shape()[1], classes = scores.get_shape()[2];

    std::vector<Found> candidates, kept;
    for (size_t anchor = 0; anchor < anchors; ++anchor)
        for (size_t label = 0; label < classes; ++label)
            if (const float score = scores.data<float>()[anchor * classes + label]; score > score_threshold) {
                Found found{int(label), score, {}};
                for (int side = 0; side < 4; ++side)
                    found.box[side] = std::clamp(boxes.data<float>()[anchor * 4 + side], 0.0f, float(side % 2 ? height : width));
                candidates.push_back(found);
            }
    std::stable_sort(candidates.begin(), candidates.end(), [](auto& a, auto& b) { return a.score > b.score; });
    for (const Found& one : candidates) {
        auto covers = [&](const Found& other) { return other.label == one.label && overlap(other.box, one.box) > iou_threshold; };
        if (std::none_of(kept.begin(), kept.end(), covers)) kept.push_back(one);
    }
    for (const Found& one : kept)
        std::printf("%d %.4f %.2f %.2f %.2f %.2f\n", one.label, one.score, one.box[0] * photo.width / width,
                    one.box[1] * photo.height / height, one.box[2] * photo.width / width, one.box[3] * photo.height / height);
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
}
